"""Where the queue contract is tried: a SQLite file, ElasticMQ, moto, and the twin tests use in place of either.

`place` is one of them, `node` and `other` are brokers of two nodes there. SQS-compatible servers differ in what they
do with stale receipts and in when a receive gives messages; the helpers wait for what every one of them gets to.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from actors.kit.queues import open_broker
from actors.kit.queues.base import Broker, Draft, Message, Queue, Redrive
from tests.support.leaks import eventually
from tests.support.scripted_queue import ScriptedQueues

PATIENCE = 30.0  # seconds until a message is missing
PLACES = ["sqlite", "elasticmq", "moto", "twin-of-sqlite", "twin-of-sqs"]


@dataclass(frozen=True)
class Place:
    """One kind of queue server; `open` makes the broker of another node."""

    kind: str
    open: Callable[[], Broker]

    @property
    def is_exact(self) -> bool:
        """Whether settlements are transactions and receipts go stale at once."""
        return self.kind.endswith("sqlite")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The queue server under test."""
    kind: str = request.param
    if kind.startswith("twin"):
        server = ScriptedQueues("sqlite" if kind.endswith("sqlite") else "sqs", wall=time.time)
        return Place(kind, server.broker)
    url = f"sqlite:{tmp_path}/queue.db" if kind == "sqlite" else request.getfixturevalue(kind).queue_url()
    return Place(kind, lambda: open_broker(url))


@pytest.fixture
async def node(place: Place) -> AsyncIterator[Broker]:
    """The broker of one node."""
    broker = place.open()
    yield broker
    await broker.close()


@pytest.fixture
async def other(place: Place) -> AsyncIterator[Broker]:
    """The broker of another node at the same place."""
    broker = place.open()
    yield broker
    await broker.close()


def unused(purpose: str = "lab2") -> str:
    """A queue name no other test uses."""
    return f"{purpose}-{uuid.uuid4().hex[:12]}"


async def pair(node: Broker, other: Broker, redrive: Redrive | None = None) -> tuple[Queue, Queue]:
    """One new queue as both nodes see it."""
    name = unused()
    return await node.queue(name, redrive), await other.queue(name)


async def sent(queue: Queue, *bodies: str) -> list[str]:
    """Send these; their ids."""
    return [str(id_) for id_ in await queue.send([Draft(body) for body in bodies])]


async def received(queue: Queue, count: int, *, visibility: float = 30.0) -> list[Message]:
    """That many messages, over as many receives as it takes."""
    messages: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        while len(messages) < count:
            messages += await queue.receive(count - len(messages), wait=1, visibility=visibility)
    return messages


async def only(queue: Queue, *, visibility: float = 30.0) -> Message:
    """The next message."""
    (message,) = await received(queue, 1, visibility=visibility)
    return message


async def has(queue: Queue, waiting: int, hidden: int) -> bool:
    """Whether the queue's depth comes to be this."""

    async def counted() -> bool:
        depth = await queue.depth()
        return (depth.waiting, depth.hidden) == (waiting, hidden)

    return await eventually(counted)


def bodies(messages: Sequence[Message]) -> list[str]:
    """Sorted, as queues promise no order."""
    return sorted(message.body for message in messages)
