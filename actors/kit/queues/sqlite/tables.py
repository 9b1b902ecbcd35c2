"""Every step of the queue port as SQL inside one open transaction.

Nothing here opens, commits, waits or reads a clock. Receipts are `seq.handed`: `handed` is drawn anew each time a
message is handed out, so an earlier receipt fits nothing any more. Among visible messages the one that has been
visible longest comes first, so a message that keeps coming back never starves the others.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from actors.kit.queues.base import Depth, Draft, Message, NoSuchQueue, Outcome, ReceiptStale, Redrive, Settlement
from actors.kit.queues.base import check_draft as why_refused
from runtime.errors import Problem

SECOND = 1_000_000  # of the queue clock, in µs

KEEP_REDRIVE = "REPLACE INTO redrive VALUES (?, ?, ?)"
REDRIVE = "SELECT dead_letters, max_receives FROM redrive WHERE queue = ?"
INSERT = "INSERT INTO message (queue, visible, born, sent_at, id, attributes, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
VISIBLE = "SELECT seq, receives FROM message WHERE queue = ? AND visible <= ? ORDER BY visible, born, seq LIMIT ?"
NEXT_VISIBLE = "SELECT min(visible) FROM message WHERE queue = ? AND visible > ?"
HAND_OUT = (
    "UPDATE message SET visible = ?, receives = receives + 1, handed = random() WHERE seq = ?"
    " RETURNING id, body, attributes, sent_at, receives, handed"
)
BURY = "UPDATE message SET queue = ?, visible = ?, receives = 0, handed = NULL WHERE seq = ?"
HIDDEN_UNTIL = "SELECT visible FROM message WHERE seq = ? AND handed = ? AND queue = ?"
HIDE = "UPDATE message SET visible = ? WHERE seq = ? AND handed = ? AND queue = ?"
RELEASE = (
    "UPDATE message SET visible = ?, receives = receives - 1, handed = NULL WHERE seq = ? AND handed = ? AND queue = ?"
)
DELETE = "DELETE FROM message WHERE seq = ? AND handed = ? AND queue = ?"
DEPTH = (
    "SELECT count(*) FILTER (WHERE visible <= :now), count(*) FILTER (WHERE visible > :now),"
    " min(born) FILTER (WHERE visible <= :now) FROM message WHERE queue = :queue"
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ATTRIBUTES = msgspec.json.Decoder(dict[str, str])


class Taken(msgspec.Struct, frozen=True):
    """What a receive found; if nothing, after how many seconds the next hidden message is due (None: none is)."""

    messages: list[Message]
    next_in: float | None


class Tables:
    """One open transaction at `now` (µs of the queue clock); `sent_at` (ms since 1970) dates what is sent in it."""

    def __init__(self, connection: sqlite3.Connection, now: int, sent_at: int) -> None:
        self.audible: set[str] = set()  # queues whose waiters should look again once this is committed
        self._connection = connection
        self._sql = connection.execute
        self._now = now
        self._sent_at = sent_at

    @property
    def is_lost(self) -> bool:
        """Whether SQLite has undone the whole transaction, as it does when a disk is full."""
        return not self._connection.in_transaction

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """The body is done as a whole, or undone alone."""
        self._sql("SAVEPOINT job")
        try:
            yield
        except BaseException:
            if not self.is_lost:
                self._sql("ROLLBACK TO job")
                self._sql("RELEASE job")
            raise
        self._sql("RELEASE job")

    def keep_redrive(self, queue: str, redrive: Redrive) -> None:
        """From now on, whoever receives from `queue` applies it."""
        if self._redrive(queue) != redrive:
            self._sql(KEEP_REDRIVE, (queue, redrive.dead_letters, redrive.max_receives))

    def send(self, queue: str, drafts: Sequence[Draft]) -> list[str | Problem]:
        """For each draft its id, or why it is no message."""
        return [why_refused(draft) or self._insert(queue, draft) for draft in drafts]

    def take(self, queue: str, limit: int, visibility: float) -> Taken:
        """Hand out up to `limit` messages; those received too often already go to the dead letters instead."""
        messages: list[Message] = []
        redrive = self._redrive(queue)
        while len(messages) < limit and (rows := self._visible(queue, limit - len(messages))):
            for seq, receives in rows:
                if redrive and receives >= redrive.max_receives:
                    self._bury(seq, redrive.dead_letters)
                else:
                    messages.append(self._hand_out(seq, visibility))
        return Taken(messages, None if messages else self._next_in(queue))

    def settle(self, queue: str, done: Sequence[Settlement]) -> list[Outcome]:
        """Delete each message and send its answers, or do neither."""
        return [self._settle(queue, entry) for entry in done]

    def extend(self, queue: str, messages: Sequence[Message], seconds: float) -> list[Outcome]:
        """Hide each until `seconds` from now."""
        return [self._extend(queue, message, self._in(seconds)) for message in messages]

    def release(self, queue: str, messages: Sequence[Message], delay: float) -> list[Outcome]:
        """Take each back as if it had not been received, visible after `delay` seconds."""
        return [self._release(queue, message, self._in(delay)) for message in messages]

    def depth(self, queue: str) -> Depth:
        """Exact counts, by walking the index."""
        waiting, hidden, born = self._sql(DEPTH, {"now": self._now, "queue": queue}).fetchone()
        return Depth(waiting, hidden, None if born is None else (self._now - born) / SECOND)

    def _redrive(self, queue: str) -> Redrive | None:
        row = self._sql(REDRIVE, (queue,)).fetchone()
        return None if row is None else Redrive(*row)

    def _insert(self, queue: str, draft: Draft) -> str:
        id_ = str(uuid.uuid4())
        attributes = msgspec.json.encode(dict(draft.attributes)).decode()
        self._sql(INSERT, (queue, self._now, self._now, self._sent_at, id_, attributes, draft.body))
        self.audible.add(queue)
        return id_

    def _visible(self, queue: str, limit: int) -> list[tuple[int, int]]:
        return self._sql(VISIBLE, (queue, self._now, limit)).fetchall()

    def _next_in(self, queue: str) -> float | None:
        (visible,) = self._sql(NEXT_VISIBLE, (queue, self._now)).fetchone()
        return None if visible is None else (visible - self._now) / SECOND

    def _hand_out(self, seq: int, visibility: float) -> Message:
        until = max(self._in(visibility), self._now + 1)  # or this receive would find it again
        ((id_, body, attributes, sent_at, receives, handed),) = self._sql(HAND_OUT, (until, seq)).fetchall()
        return Message(id_, body, _ATTRIBUTES.decode(attributes), sent_at, receives, f"{seq}.{handed}")

    def _bury(self, seq: int, dead_letters: str) -> None:
        self._sql(BURY, (dead_letters, self._now, seq))
        self.audible.add(dead_letters)

    def _settle(self, queue: str, entry: Settlement) -> Outcome:
        for answer in entry.answers:
            if refused := check_name(answer.queue) or why_refused(answer.draft):
                return refused
        if not self._sql(DELETE, (*_held(entry.message), queue)).rowcount:
            return _stale()
        for answer in entry.answers:
            self._insert(answer.queue, answer.draft)
        return None

    def _extend(self, queue: str, message: Message, until: int) -> Outcome:
        mine = (*_held(message), queue)
        row = self._sql(HIDDEN_UNTIL, mine).fetchone()
        if row is None:
            return _stale()
        self._sql(HIDE, (until, *mine))
        if until < row[0]:
            self.audible.add(queue)  # waiters sleep until the moment they knew of
        return None

    def _release(self, queue: str, message: Message, until: int) -> Outcome:
        if not self._sql(RELEASE, (until, *_held(message), queue)).rowcount:
            return _stale()
        self.audible.add(queue)
        return None

    def _in(self, seconds: float) -> int:
        return self._now + int(seconds * SECOND)


def check_name(name: str) -> NoSuchQueue | None:
    """Why no queue can have this name; None when one can."""
    if name.endswith(".fifo"):
        return NoSuchQueue(f"{name!r} cannot be a queue in a file", hint="FIFO queues are sqs: only")
    if not _NAME.fullmatch(name):
        return NoSuchQueue(f"{name!r} cannot be a queue", hint="1 to 80 letters, digits, - and _")
    return None


def _held(message: Message) -> tuple[int, int]:
    seq, _, handed = message.receipt.partition(".")
    try:
        return int(seq), int(handed)
    except ValueError:
        return 0, 0  # a receipt of another backend fits no row: seq starts at 1


def _stale() -> ReceiptStale:
    return ReceiptStale("the message was settled, released or handed out again")
