"""What a queue file holds: the clock, redrive policies, and messages; and how one is known from other databases."""

from __future__ import annotations

import sqlite3

from actors.kit.queues.sqlite.clock import QueueTime

APPLICATION = 0x62727175
VERSION = 1
STATEMENTS = (
    "CREATE TABLE clock (boot TEXT NOT NULL, shift INTEGER NOT NULL, seen INTEGER NOT NULL)",
    "INSERT INTO clock VALUES ('', 0, 0)",
    "CREATE TABLE redrive (queue TEXT PRIMARY KEY, dead_letters TEXT NOT NULL, max_receives INTEGER NOT NULL)",
    # What changes stands before what is long: SQLite writes only the pages that changed.
    """CREATE TABLE message (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, visible INTEGER NOT NULL, born INTEGER NOT NULL,
        handed INTEGER, receives INTEGER NOT NULL DEFAULT 0, sent_at INTEGER NOT NULL, id TEXT NOT NULL,
        attributes TEXT NOT NULL, body TEXT NOT NULL)""",
    "CREATE INDEX message_by_turn ON message (queue, visible, born)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {VERSION}",
)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether nothing has been made in this database."""
    return bool(connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()[0])


def is_ours(connection: sqlite3.Connection) -> bool:
    """Whether it is a queue file of this version."""
    marks = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    return marks == [APPLICATION, VERSION]


def make(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none, whoever else is doing so."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in STATEMENTS if is_empty(connection) else ():
        connection.execute(statement)
    connection.execute("COMMIT")


def kept_time(connection: sqlite3.Connection) -> QueueTime:
    """The clock as the file keeps it."""
    return QueueTime(*connection.execute("SELECT boot, shift, seen FROM clock").fetchone())


def keep_time(connection: sqlite3.Connection, kept: QueueTime) -> None:
    """Keep the clock in the file."""
    connection.execute("UPDATE clock SET boot = ?, shift = ?, seen = ?", (kept.boot, kept.offset, kept.seen))
