"""What the log holds of a message, as a struct and as a line of JSON. Pure.

A line is `{"request","sent_at","body","reply"}`: `sent_at` in ISO 8601, UTC with milliseconds; `reply` is the object
that was sent. The same message always gives the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from actors.kit.queues.base import Answer, Message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class LogRecord(msgspec.Struct, frozen=True):
    """`sent_at` in ms since 1970 UTC; `reply` is the reply's body, JSON."""

    request: str
    sent_at: int
    body: str
    reply: str


class _Line(msgspec.Struct):
    request: str
    sent_at: str
    body: str
    reply: msgspec.Raw


_ENCODE = msgspec.json.Encoder()
_DECODE = msgspec.json.Decoder(_Line)


def record(message: Message, answer: Answer) -> LogRecord:
    """What is logged of a message and its answer."""
    return LogRecord(message.id, message.sent_at, message.body, answer.draft.body)


def record_line(record: LogRecord) -> bytes:
    """One line, with its end. Half a character of a body becomes a question mark."""
    body = record.body.encode("utf-8", "replace").decode()
    reply = msgspec.Raw(record.reply.encode())
    return _ENCODE.encode(_Line(record.request, shown_time(record.sent_at), body, reply)) + b"\n"


def read_line(line: bytes) -> LogRecord | None:
    """The record of a line; None for one that is damaged."""
    try:
        read = _DECODE.decode(line)
        sent_at = (datetime.fromisoformat(read.sent_at) - EPOCH) // MILLISECOND
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None
    return LogRecord(read.request, sent_at, read.body, bytes(read.reply).decode("utf-8", "replace"))


def day_of(record: LogRecord) -> str:
    """The UTC day a message was sent on, which is the day it is logged under: 2026-11-21."""
    return shown_time(record.sent_at)[:10]


def shown_time(sent_at: int) -> str:
    """Milliseconds since 1970 UTC as 2026-11-21T02:03:04.005Z; such texts sort as the times do."""
    moment = EPOCH + sent_at * MILLISECOND
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
