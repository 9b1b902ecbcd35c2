"""The statistics service in processes of its own, on real queues and stores, for tests that break things."""

from __future__ import annotations

import asyncio
import random
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from actors.kit.queues import open_broker
from actors.kit.queues.base import Broker, Redrive
from actors.kit.stores import open_store
from actors.kit.stores.base import Store
from tests.support.leaks import eventually
from tests.support.processes import Program, running
from tests.support.stats import Asked, Ledger, Names

PATIENCE = 90.0  # seconds until all is answered; never reached when all is well
VISIBILITY = 3.0  # seconds; what a killed server held comes back after these


def unused_names() -> Names:
    """Queues no other test uses."""
    return Names(f"lab2-{uuid.uuid4().hex[:12]}")


@dataclass
class Service:
    """A queue, a store, and what was sent; `server` runs one server process."""

    queue_url: str
    store_url: str
    folder: Path
    broker: Broker
    store: Store
    visibility: float = VISIBILITY
    ledger: Ledger = field(default_factory=lambda: Ledger(unused_names()))
    servers: list[Program] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What its servers have said."""
        return [line for server in self.servers for line in server.lines]

    @asynccontextmanager
    async def server(self, *, queue_url: str = "", store_url: str = "") -> AsyncIterator[Program]:
        """A server, killed at the end if it still runs; the URLs are those of proxies, if any."""
        names = self.ledger.names
        options = {"requests": names.requests, "replies": names.replies, "visibility": self.visibility, "wait": 2}
        settings = [f"--set=actors.stats.options.{name}={value}" for name, value in options.items()]
        places = {"BRUME_QUEUE": queue_url or self.queue_url, "BRUME_STORE": store_url or self.store_url}
        argv = (
            "main.py",
            "--role",
            "stats",
            "--data",
            str(self.folder),
            "--log",
            "json",
            "--set=node.drain=15",
            *settings,
        )
        async with running(*argv, env=places) as program:
            self.servers.append(program)
            yield program

    async def send(self, messages: int, seed: int = 0) -> None:
        """That many requests, good and bad ones."""
        chance = random.Random(seed)
        requests = await self.broker.queue(self.ledger.names.requests, Redrive(self.ledger.names.dead))
        await self.ledger.send(requests, [Asked.drawn(chance) for _ in range(messages)])

    async def settled(self, at_most: int = 0) -> None:
        """Wait until no more than so many requests wait or are worked on."""

        async def few_left() -> bool:
            return sum(await self.ledger.left(self.broker)) <= at_most

        assert await eventually(few_left, PATIENCE), "\n".join(
            [f"{await self.ledger.left(self.broker)}", *self.lines()]
        )

    async def hidden(self) -> int:
        """Requests that nobody could receive now."""
        return (await self.ledger.left(self.broker))[1]

    async def copies(self) -> int:
        """Replies that were sent, repeated ones too."""
        return sum(await self.ledger.left(self.broker, self.ledger.names.replies))

    async def check(self, *, servers: int = 1) -> None:
        """Wait until all is answered, by fresh servers if `servers` is not 0, and hold it against the promise."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(servers):
                tasks.create_task(self._serve_to_the_end())
        await self.ledger.check(self.broker, self.store)

    async def _serve_to_the_end(self) -> None:
        async with self.server() as program:
            await self.settled()
            await stopped(program)


@asynccontextmanager
async def service(
    queue_url: str, store_url: str, folder: Path, visibility: float = VISIBILITY
) -> AsyncIterator[Service]:
    """A service without a server yet."""
    broker, store = open_broker(queue_url), open_store(store_url)
    try:
        yield Service(queue_url, store_url, folder, broker, store, visibility)
    finally:
        await broker.close()
        await store.close()


async def stopped(program: Program) -> None:
    """SIGTERM, and out in order: exit code 0."""
    await program.line("polling")
    program.send(signal.SIGTERM)
    code = await program.ended()
    assert code == 0, "\n".join(program.lines)


async def killed(program: Program) -> None:
    """SIGKILL, and gone."""
    program.send(signal.SIGKILL)
    assert await program.ended() == -signal.SIGKILL
