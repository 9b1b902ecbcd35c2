"""One thread with the file: whatever waits for it is one transaction, so many callers share one write to the disk.

Each job has a savepoint: one that fails undoes itself alone. Nobody hears of a job before it is durable.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import msgspec

from actors.kit.queues.base import QueueUnavailable
from actors.kit.queues.sqlite.file import QueueFile, as_problem
from actors.kit.queues.sqlite.tables import Tables

T = TypeVar("T")


class Job(msgspec.Struct):
    """Work for a transaction, and where its caller waits; afterwards its result or its error."""

    work: Callable[[Tables], Any]
    caller: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def deliver(self) -> None:
        """Tell the caller, on its loop, unless it has gone."""
        if self.caller.done():
            return
        if self.error is not None:
            self.caller.set_exception(self.error)
        else:
            self.caller.set_result(self.result)


class Writer:
    """Belongs to the loop of its first job. `ring` is called in the thread, with queues whose waiters should look."""

    def __init__(self, file: QueueFile, ring: Callable[[Iterable[str]], None]) -> None:
        self._file = file
        self._ring = ring
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Future[None]
        self._closed = False

    def submit(self, work: Callable[[Tables], T]) -> asyncio.Future[T]:
        """Have `work` done in the next transaction; a future that is cancelled does not undo it."""
        if self._closed:
            raise QueueUnavailable(f"the queue file {self._file.path} was closed")
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._ended = self._loop.create_future()
            self._thread = threading.Thread(target=self._run, name="brume-queue", daemon=True)
            self._thread.start()
        job = Job(work, asyncio.get_running_loop().create_future())
        self._jobs.put(job)
        return job.caller

    async def close(self) -> None:
        """Do what waits, then close the file and end the thread."""
        self._closed = True
        self._jobs.put(None)
        if self._thread is not None:
            await self._ended
            self._thread.join()  # it has nothing left to do

    def _run(self) -> None:
        try:
            open_ = True
            while open_:
                waiting = self._next()
                open_ = None not in waiting
                if group := [job for job in waiting if job is not None]:
                    self._commit(group)
            self._file.close()
        finally:
            self._call(self._ended.set_result, None)

    def _next(self) -> list[Job | None]:
        """Wait for a job, and give it with all that wait behind it; None says it is the end."""
        waiting = [self._jobs.get()]
        with suppress(Empty):
            while True:
                waiting.append(self._jobs.get_nowait())
        return waiting

    def _commit(self, group: list[Job]) -> None:
        try:
            with self._file.transaction() as tables:
                for job in group:
                    self._attempt(tables, job)
        except Exception as error:
            self._file.close()
            for job in group:
                job.error = self._worded(error)
        else:
            self._ring(tables.audible)
        self._call(_deliver, group)

    def _attempt(self, tables: Tables, job: Job) -> None:
        """Do one job; raises only where SQLite gave up the whole transaction."""
        try:
            with tables.savepoint():
                job.result = job.work(tables)
        except Exception as error:
            if tables.is_lost:
                raise
            job.error = self._worded(error)

    def _call(self, function: Callable[[T], object], argument: T) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it every caller
            self._loop.call_soon_threadsafe(function, argument)

    def _worded(self, error: Exception) -> Exception:
        return as_problem(error, self._file.path) if isinstance(error, sqlite3.Error | OSError) else error


def _deliver(group: list[Job]) -> None:
    for job in group:
        job.deliver()
