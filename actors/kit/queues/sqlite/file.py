"""A queue file: opened, made where it is not, and one transaction at a time; SQLite's errors in the queue's words.

WAL with `synchronous=FULL`: what was committed survives a power cut. WAL needs shared memory between all who have the
file open, so they are on one host, and the file is on a disk of that host.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors.kit.queues.base import QueueUnavailable
from actors.kit.queues.sqlite import schema
from actors.kit.queues.sqlite.clock import Clocks, QueueTime, adopt
from actors.kit.queues.sqlite.tables import Tables

WAL_BYTES = 64 << 20  # what the log is cut back to after a burst
_HINTS = {
    sqlite3.SQLITE_FULL: "free some space on its disk",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; end whatever holds a transaction open",
    sqlite3.SQLITE_READONLY: "let this user write the file, its folder and its -wal and -shm files",
    sqlite3.SQLITE_CANTOPEN: "let this user write to its folder",
    sqlite3.SQLITE_CORRUPT: "move the file, its -wal and its -shm away, or put a backup in its place",
    sqlite3.SQLITE_NOTADB: "this is no SQLite file: name another, or move it away",
    sqlite3.SQLITE_IOERR: "look at its disk: reading or writing failed",
}


class QueueFile:
    """For one thread. `patience` is how many seconds it waits for other processes' locks."""

    def __init__(self, path: Path, clocks: Clocks, patience: float) -> None:
        self.path = path
        self._clocks = clocks
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        """Everything in the body is committed together; after an error `close` undoes it."""
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        changes = connection.total_changes
        ticks = self._clocks.ticks()
        kept = schema.kept_time(connection)
        here = adopt(kept, self._clocks.boot(), ticks)
        yield Tables(connection, here.reads(ticks), int(self._clocks.wall() * 1000))
        if connection.total_changes != changes or here != kept:  # or every look into an empty queue would be a write
            schema.keep_time(connection, QueueTime(here.boot, here.offset, here.reads(ticks)))
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close; what was not committed is undone, and the next transaction opens anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._is_replaced():
            self.close()
        if self._connection is None:
            self._connection = self._open()
            self._prepare(self._connection)
        return self._connection

    def _is_replaced(self) -> bool:
        """Whether the path leads to another file by now: messages written to this one would be seen by nobody."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives -wal and -shm the same mode
        self._inode = self.path.stat().st_ino
        return sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if not (schema.is_empty(connection) or schema.is_ours(connection)):
            hint = f"a queue file of version {schema.VERSION} is wanted: name another file"
            raise QueueUnavailable(f"{self.path} is another kind of database", hint=hint)
        if _set_wal(connection, time.monotonic() + self._patience) != "wal":
            raise QueueUnavailable(f"{self.path} cannot have a write-ahead log", hint="put it on a disk of this host")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        schema.make(connection)


def as_problem(error: sqlite3.Error | OSError, path: Path) -> QueueUnavailable:
    """What went wrong with the file, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is its family
    hint = "look at its folder" if isinstance(error, OSError) else _HINTS.get(code, "")
    return QueueUnavailable(f"the queue file {path} cannot be used: {error}", hint=hint)


def _set_wal(connection: sqlite3.Connection, end: float) -> str:
    """The journal mode now in use. SQLite does not wait by itself while another process changes it."""
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
