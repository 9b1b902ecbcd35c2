"""A queue server in memory, on the running loop's clock, with scripted faults: the twin of both backends.

`ScriptedQueues` is the server, which outlives its clients; `broker()` is a client. As `sqlite` a settlement is one
step and a wait ends when `leave` is set; as `sqs` answers leave beside `after`, deletion is a step of its own, a wait
runs to its end and a release counts as a receive.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from actors.kit.queues.base import (
    MAX_BATCH,
    Answer,
    Depth,
    Draft,
    Message,
    NoSuchQueue,
    Outcome,
    Queue,
    QueueUnavailable,
    ReceiptStale,
    Redrive,
    Settlement,
    check_draft,
)
from runtime.errors import Problem
from tests.support.script import Script, virtual_wall

Kind = Literal["sqlite", "sqs"]


@dataclass
class Stored:
    """A message on its shelf, hidden until `visible_at`."""

    id: str
    draft: Draft
    sent_at: int
    visible_at: float
    receives: int = 0
    receipt: str = ""

    def handed_out(self, until: float) -> Message:
        """Received once more, with a new receipt; the old one is stale."""
        self.receives += 1
        self.receipt = f"{self.id}/{self.receives}/{random.getrandbits(32):08x}"
        self.visible_at = until
        draft = self.draft
        return Message(self.id, draft.body, dict(draft.attributes), self.sent_at, self.receives, self.receipt)


@dataclass
class Shelf:
    """One queue as the server keeps it."""

    messages: dict[str, Stored] = field(default_factory=dict)
    redrive: Redrive | None = None
    arrived: list[asyncio.Future[None]] = field(default_factory=list)

    def find(self, message: Message) -> Stored | None:
        """The message, if the receipt is its latest."""
        stored = self.messages.get(message.id)
        return stored if stored is not None and stored.receipt == message.receipt else None

    def wake(self) -> None:
        """Whoever waits looks again."""
        for waiter in self.arrived:
            if not waiter.done():
                waiter.set_result(None)
        self.arrived.clear()


class ScriptedQueues:
    """The server. `create` as a `create=true` in a URL; its script is asked by every call of every client."""

    def __init__(self, kind: Kind = "sqlite", *, create: bool = True, wall: Callable[[], float] | None = None) -> None:
        self.kind, self.create = kind, create
        self.wall = wall or virtual_wall
        self.script = Script(lambda: QueueUnavailable("the script says so"))
        self.shelves: dict[str, Shelf] = {}
        self.receives: Counter[str] = Counter()  # how often each message was handed out
        self.cancelled_receives = 0  # that were cancelled by a client that lives on

    def broker(self) -> ScriptedBroker:
        """A client."""
        return ScriptedBroker(self)

    def put(self, name: str, draft: Draft) -> str:
        """One message, visible at once."""
        shelf, now = self.shelves.setdefault(name, Shelf()), _now()
        stored = Stored(f"{random.getrandbits(128):032x}", draft, int(self.wall() * 1000), now)
        shelf.messages[stored.id] = stored
        shelf.wake()
        return stored.id

    def hand_out(self, name: str, limit: int, visibility: float) -> list[Message]:
        """Up to `limit` visible messages, oldest first; those received too often become dead letters."""
        shelf, now = self.shelves[name], _now()
        given: list[Message] = []
        visible = [stored for stored in shelf.messages.values() if stored.visible_at <= now]
        for stored in visible:
            if shelf.redrive is not None and stored.receives >= shelf.redrive.max_receives:
                del shelf.messages[stored.id]
                dead = self.shelves.setdefault(shelf.redrive.dead_letters, Shelf())
                dead.messages[stored.id] = stored
                dead.wake()
            elif len(given) < limit:
                given.append(stored.handed_out(now + visibility))
                self.receives[stored.id] += 1
        return given


class ScriptedBroker:
    """A client of the server."""

    def __init__(self, server: ScriptedQueues) -> None:
        self._server = server

    async def queue(self, name: str, redrive: Redrive | None = None) -> Queue:
        async with self._server.script.call("queue"):
            if name not in self._server.shelves and not self._server.create:
                raise NoSuchQueue(f"there is no queue {name!r}", hint="create it, or say create=true")
            shelf = self._server.shelves.setdefault(name, Shelf())
            if redrive is not None:
                shelf.redrive = redrive
                self._server.shelves.setdefault(redrive.dead_letters, Shelf())
        return ScriptedQueue(self._server, name)

    async def close(self) -> None:
        """Nothing to let go of."""


class ScriptedQueue:
    """One queue of the server."""

    def __init__(self, server: ScriptedQueues, name: str) -> None:
        self.name = name
        self._server = server
        self._script = server.script

    @property
    def _shelf(self) -> Shelf:
        return self._server.shelves[self.name]

    async def send(self, drafts: Sequence[Draft]) -> list[str | Problem]:
        async with self._script.call("send"):
            return [self._put(self.name, draft) for draft in drafts]

    async def receive(
        self, limit: int = MAX_BATCH, *, wait: float = 0.0, visibility: float = 30.0, leave: asyncio.Event | None = None
    ) -> list[Message]:
        try:
            async with self._script.call("receive"):
                return await self._receive(limit, _now() + wait, visibility, leave)
        except asyncio.CancelledError:
            self._server.cancelled_receives += 1
            raise

    async def settle(self, done: Sequence[Settlement], *, after: Awaitable[object] | None = None) -> list[Outcome]:
        if self._server.kind == "sqs":
            return await self._settle_apart(done, after)
        if after is not None:
            await after
        async with self._script.call("settle"):
            return [self._settled(entry) for entry in done]

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Outcome]:
        async with self._script.call("extend"):
            return [self._changed(message, lambda stored: _hide(stored, seconds)) for message in messages]

    async def release(self, messages: Sequence[Message], *, delay: float = 0.0) -> list[Outcome]:
        def give_back(stored: Stored) -> None:
            stored.visible_at, stored.receipt = _now() + delay, ""
            stored.receives -= self._server.kind == "sqlite"

        async with self._script.call("release"):
            outcomes = [self._changed(message, give_back) for message in messages]
            self._shelf.wake()
            return outcomes

    async def depth(self) -> Depth:
        async with self._script.call("depth"):
            now, messages = _now(), self._shelf.messages.values()
            waiting = [stored for stored in messages if stored.visible_at <= now]
            oldest = max((self._server.wall() - stored.sent_at / 1000 for stored in waiting), default=None)
            return Depth(len(waiting), len(messages) - len(waiting), oldest)

    async def _receive(self, limit: int, end: float, visibility: float, leave: asyncio.Event | None) -> list[Message]:
        left = leave if self._server.kind == "sqlite" else None
        while True:
            given = self._server.hand_out(self.name, limit, visibility)
            if given or _now() >= end or (left is not None and left.is_set()):
                return given
            await self._change(end, left)

    async def _change(self, end: float, leave: asyncio.Event | None) -> None:
        """Wait for an arrival, the end of a hiding, `end` or `leave`."""
        arrival = asyncio.get_running_loop().create_future()
        self._shelf.arrived.append(arrival)
        leaving = [asyncio.ensure_future(leave.wait())] if leave is not None else []
        soonest = min((stored.visible_at for stored in self._shelf.messages.values()), default=end)
        try:
            pause = max(0.0, min(soonest, end) - _now())
            await asyncio.wait([arrival, *leaving], timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in (arrival, *leaving):
                waiter.cancel()

    async def _settle_apart(self, done: Sequence[Settlement], after: Awaitable[object] | None) -> list[Outcome]:
        answering = asyncio.ensure_future(self._answer(done))
        try:
            if after is not None:
                await after
            answered = await answering
        finally:
            answering.cancel()
        async with self._script.call("delete"):
            return [
                why or self._changed(entry.message, self._delete) for entry, why in zip(done, answered, strict=True)
            ]

    async def _answer(self, done: Sequence[Settlement]) -> list[Outcome]:
        async with self._script.call("answer"):
            return [self._sent(entry.answers) for entry in done]

    def _sent(self, answers: Sequence[Answer]) -> Outcome:
        outcomes = [self._put(answer.queue, answer.draft) for answer in answers]
        return next((outcome for outcome in outcomes if isinstance(outcome, Problem)), None)

    def _settled(self, entry: Settlement) -> Outcome:
        """As one transaction: all of it, or an outcome that says why nothing of it."""
        if self._shelf.find(entry.message) is None:
            return ReceiptStale("the message is not ours any more")
        refused: list[Problem] = [why for answer in entry.answers if (why := check_draft(answer.draft))]
        if failed := refused[0] if refused else self._script.entry_fails():
            return failed
        for answer in entry.answers:
            self._server.put(answer.queue, answer.draft)
        del self._shelf.messages[entry.message.id]
        return None

    def _put(self, name: str, draft: Draft) -> str | Problem:
        return check_draft(draft) or self._script.entry_fails() or self._server.put(name, draft)

    def _changed(self, message: Message, change: Callable[[Stored], None]) -> Outcome:
        if (stored := self._shelf.find(message)) is None:
            return ReceiptStale("the message is not ours any more")
        if (why := self._script.entry_fails()) is None:
            change(stored)
        return why

    def _delete(self, stored: Stored) -> None:
        del self._shelf.messages[stored.id]


def _hide(stored: Stored, seconds: float) -> None:
    stored.visible_at = _now() + seconds


def _now() -> float:
    return asyncio.get_running_loop().time()
