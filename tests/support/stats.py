"""What holds of the statistics service whatever happened to it, and the messages it is tried with.

`Ledger` knows what was sent; `check` reads the queues and the store, and compares with its own arithmetic. It uses the
service's code nowhere but to read the log as `stats-log` does.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from actors.kit.queues.base import Broker, Draft, Message, Queue, Settlement
from actors.kit.stores.base import Store
from actors.stats.log.read import read_day

DAYS, SEGMENTS = "logs/stats/", "logs/stats/segments/"
BAD = (
    "",
    "one two",
    '[1, "2"]',
    "1e309",
    "1 2 3 4 5 6 7 8 9 10 11",
    '{"numbers": [1, -1]}',
    "[" * 900,
    "naïve 🥐",
    "nan",
)


@dataclass(frozen=True)
class Names:
    """Queues of one service."""

    requests: str = "lab2"

    @property
    def replies(self) -> str:
        """Where answers go."""
        return f"{self.requests}_1"

    @property
    def dead(self) -> str:
        """Where what was received too often goes."""
        return f"{self.requests}_dead"


@dataclass(frozen=True)
class Asked:
    """A request: its numbers, None where they are no series, and the attributes it was sent with."""

    body: str
    numbers: tuple[float, ...] | None
    attributes: Mapping[str, str]

    @property
    def draft(self) -> Draft:
        """As it is sent."""
        return Draft(self.body, self.attributes)

    @classmethod
    def drawn(cls, chance: random.Random) -> Asked:
        """Some request, good three times of four."""
        attributes = {"client": f"c{chance.randrange(3)}"} if chance.random() < 0.5 else {}
        if chance.random() < 0.25:
            return cls(chance.choice(BAD[1:]), None, attributes)
        numbers = tuple(_number(chance) for _ in range(chance.randint(1, 10)))
        texts = [repr(number) for number in numbers]
        body = chance.choice([json.dumps({"numbers": numbers}), json.dumps(numbers), " ".join(texts), ", ".join(texts)])
        return cls(body, numbers, attributes)

    def reply(self, request: str) -> dict[str, Any] | None:
        """The whole reply to it; None where it is an error."""
        if self.numbers is None:
            return None
        ordered, count = sorted(self.numbers), len(self.numbers)
        middle = Fraction(ordered[(count - 1) // 2]) + Fraction(ordered[count // 2])
        return {
            "request": request, "client": self.attributes.get("client"), "numbers": list(self.numbers), "count": count,
            "mean": float(sum(map(Fraction, ordered)) / count), "median": float(middle / 2),
            "max": ordered[-1], "min": ordered[0],
        }  # fmt: skip


@dataclass
class Ledger:
    """What was sent, by message id."""

    names: Names = Names()
    sent: dict[str, Asked] = field(default_factory=dict)

    async def send(self, requests: Queue, asked: Sequence[Asked]) -> None:
        """Send these; only what the queue took counts."""
        for each, outcome in zip(asked, await requests.send([each.draft for each in asked]), strict=True):
            if isinstance(outcome, str):
                self.sent[outcome] = each

    async def left(self, broker: Broker, name: str = "") -> tuple[int, int]:
        """How many messages wait and are hidden in a queue, by default that of requests."""
        depth = await (await broker.queue(name or self.names.requests)).depth()
        return depth.waiting, depth.hidden

    async def check(self, broker: Broker, store: Store) -> None:
        """The promise, once nothing is under way any more: every message answered and logged, none left anywhere."""
        left = {name: await self.left(broker, name) for name in (self.names.requests, self.names.dead)}
        assert set(left.values()) == {(0, 0)}, f"(waiting, hidden) messages are left: {left}"
        self.check_replies(await drained(await broker.queue(self.names.replies)))
        await self.check_log(store)

    def check_replies(self, replies: Sequence[Message]) -> None:
        """At least one for every message, all copies alike, none for anything else, and each right."""
        copies: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for reply in replies:
            copies[json.loads(reply.body)["request"]].add((reply.body, json.dumps(dict(reply.attributes))))
        assert not (missing := self.sent.keys() - copies.keys()), f"{len(missing)} of {len(self.sent)} unanswered"
        assert not (strange := copies.keys() - self.sent.keys()), f"replies to nothing: {strange}"
        for request, asked in self.sent.items():
            assert len(copies[request]) == 1, f"copies differ: {copies[request]}"
            ((body, attributes),) = copies[request]
            _check_reply(json.loads(body), json.loads(attributes), asked, request)

    async def check_log(self, store: Store) -> None:
        """Each message exactly once in the object of its day, in order, nothing left to merge; the reader agrees."""
        keys = [entry.key async for entry in store.list(DAYS)]
        assert [key for key in keys if key.startswith(SEGMENTS)] == []
        logged: list[str] = []
        for key in keys:
            day = key.removeprefix(DAYS).removesuffix(".jsonl")
            lines = [json.loads(line) for line in (await store.get(key)).data.splitlines()]
            assert lines == sorted(lines, key=lambda line: (line["sent_at"], line["request"]))
            assert {line["sent_at"][:10] for line in lines} == {day}
            assert [line["request"] for line in lines] == await read_requests(store, day)
            logged += [line["request"] for line in lines]
            assert all(line["body"] == self.sent[line["request"]].body for line in lines)
        assert sorted(logged) == sorted(self.sent), f"{len(logged)} logged of {len(self.sent)}"


async def read_requests(store: Store, day: str) -> list[str]:
    """The requests of a day as `stats-log` shows them."""
    return [record.request async for record in read_day(store, day)]


async def drained(queue: Queue) -> list[Message]:
    """All that waits in a queue, which is empty afterwards."""
    messages: list[Message] = []
    while batch := await queue.receive(visibility=600.0):
        messages += batch
        await queue.settle([Settlement(message) for message in batch])
    return messages


async def unmerged(store: Store) -> int:
    """Segments of the log that are not merged yet."""
    return len([entry async for entry in store.list(SEGMENTS)])


def _number(chance: random.Random) -> float:
    return chance.choice([0.0, 1e-300, 1.5e308, 0.1, float(chance.randrange(100)), chance.random() * 1e6])


def _check_reply(body: dict[str, Any], attributes: dict[str, str], asked: Asked, request: str) -> None:
    assert attributes.get("client") == asked.attributes.get("client")
    if (expected := asked.reply(request)) is not None:
        assert body == expected
        return
    assert set(body) == {"request", "error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"].strip()
