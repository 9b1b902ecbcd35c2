"""The queue port on a SQLite file: `SqliteBroker.of("sqlite:/abs/queue.db")`.

Any number of processes of one user may share the file, all of them on one host: SQLite's write-ahead log does not work
over network disks. Queues exist as soon as they are named. A batch is one transaction, and what several callers ask
for at a time is one write to the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from actors.kit.queues.base import (
    MAX_BATCH,
    Depth,
    Draft,
    Message,
    NoSuchQueue,
    Outcome,
    QueueUnavailable,
    Redrive,
    Settlement,
)
from actors.kit.queues.sqlite.bells import Bell, ring
from actors.kit.queues.sqlite.clock import Clocks
from actors.kit.queues.sqlite.file import QueueFile, as_problem
from actors.kit.queues.sqlite.tables import Taken, check_name
from actors.kit.queues.sqlite.writer import Writer
from actors.kit.retry import rest
from runtime.errors import Problem

LOCK_PATIENCE = 10.0  # seconds to wait for another process's transaction
LOOK_AGAIN = 5.0  # seconds after which a wait looks for itself, should no bell have reached it


class SqliteBroker:
    """Queues in one file; for one event loop. Opens it on first use."""

    def __init__(self, path: Path, *, clocks: Clocks | None = None, patience: float = LOCK_PATIENCE) -> None:
        self._path = path
        self._bells: dict[str, Bell] = {}
        self._folder = path.with_name(f"{path.name}.wake")
        self._writer = Writer(QueueFile(path, clocks or Clocks(), patience), partial(ring, self._folder))

    @classmethod
    def of(cls, url: str) -> SqliteBroker:
        """The broker of `sqlite:PATH`. Raises ValueError for a URL without a path."""
        path = url.removeprefix("sqlite:")
        if path == url or path.startswith("//") or not path:
            raise ValueError(f"{url!r} is no queue file: sqlite:PATH")
        return cls(Path(path))

    async def queue(self, name: str, redrive: Redrive | None = None) -> SqliteQueue:
        """The queue of that name. Raises NoSuchQueue for a name no queue can have, QueueUnavailable."""
        for problem in (check_name(name), check_name(redrive.dead_letters) if redrive else None):
            if problem:
                raise problem
        if redrive and redrive.dead_letters == name:
            raise NoSuchQueue(f"the queue {name!r} cannot be its own dead-letter queue", hint="name another one")
        await self._writer.submit(lambda tables: tables.keep_redrive(name, redrive) if redrive else None)
        return SqliteQueue(name, self._writer, partial(self._bell, name))

    async def close(self) -> None:
        """Write what waits, close the file, take the FIFOs away."""
        for bell in self._bells.values():
            bell.close()
        self._bells.clear()
        await self._writer.close()

    def _bell(self, queue: str) -> Bell:
        if queue not in self._bells:
            try:
                self._bells[queue] = Bell(self._folder, queue)
            except OSError as error:
                raise as_problem(error, self._path) from error
        return self._bells[queue]


class SqliteQueue:
    """One queue of a file; made by its broker."""

    def __init__(self, name: str, writer: Writer, bell: partial[Bell]) -> None:
        self.name = name
        self._submit = writer.submit
        self._bell = bell

    async def send(self, drafts: Sequence[Draft]) -> list[str | Problem]:
        """One transaction; ids once it is durable."""
        return await self._submit(lambda tables: tables.send(self.name, drafts))

    async def receive(
        self, limit: int = MAX_BATCH, *, wait: float = 0.0, visibility: float = 30.0, leave: asyncio.Event | None = None
    ) -> list[Message]:
        """As the port says; a receive that is cancelled gives back what it had been given."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        rung = self._bell().next_ring() if wait > 0 else asyncio.Event()
        while True:
            taken = await self._take(min(limit, MAX_BATCH), visibility)
            left = end - loop.time()
            if taken.messages or left <= 0 or (leave and leave.is_set()):
                return taken.messages
            due = LOOK_AGAIN if taken.next_in is None else min(LOOK_AGAIN, taken.next_in)
            await rest(min(left, due), rung, *([leave] if leave else []))
            rung = self._bell().next_ring()

    async def settle(self, done: Sequence[Settlement], *, after: Awaitable[object] | None = None) -> list[Outcome]:
        """Answers and deletions are one transaction, begun when `after` is done."""
        if after is not None:
            await after
        return await self._submit(lambda tables: tables.settle(self.name, done))

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Outcome]:
        """One transaction."""
        return await self._submit(lambda tables: tables.extend(self.name, messages, seconds))

    async def release(self, messages: Sequence[Message], *, delay: float = 0.0) -> list[Outcome]:
        """One transaction; the receive no longer counts and its receipt is stale."""
        return await self._submit(lambda tables: tables.release(self.name, messages, delay))

    async def depth(self) -> Depth:
        """Exact at the moment it was taken."""
        return await self._submit(lambda tables: tables.depth(self.name))

    async def _take(self, limit: int, visibility: float) -> Taken:
        given = self._submit(lambda tables: tables.take(self.name, limit, visibility))
        try:
            return await asyncio.shield(given)
        except asyncio.CancelledError:
            given.add_done_callback(self._hand_back)
            raise

    def _hand_back(self, given: asyncio.Future[Taken]) -> None:
        if given.exception() is None and (messages := given.result().messages):
            with suppress(QueueUnavailable):  # the broker is closed: they stay hidden for their time
                back = self._submit(lambda tables: tables.release(self.name, messages, 0.0))
                back.add_done_callback(asyncio.Future.exception)  # nobody is left to hear of it
