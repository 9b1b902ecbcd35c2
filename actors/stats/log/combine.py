"""Bytes of the log into bytes of the log: each request once, in the order the messages were sent. Pure.

Lines are not read further than their key: the time a message was sent, and its id. A damaged line has no key; it is
kept, once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

Key = tuple[str, str]


class _Keyed(msgspec.Struct):
    sent_at: str
    request: str


_DECODE = msgspec.json.Decoder(_Keyed)
_BEHIND_ALL = "~"  # in the place of a time, behind every digit


@dataclass(frozen=True)
class Combined:
    """`added` lines of `data` were not in the first object."""

    data: bytes
    added: int


def combine(ordered: bytes, others: Iterable[bytes]) -> Combined:
    """The lines of an object that is in order, as this function makes them, and those of others in any order.

    Usually the others' messages are newer, so only the end of `ordered` is looked at. What it holds already wins.
    """
    fresh = {key_of(line): line for other in others for line in lines(other)}
    if not fresh:
        return Combined(ordered, 0)
    cut = _where(ordered, min(fresh))
    end = {key_of(line): line for line in lines(ordered[cut:])}
    merged = fresh | end
    tail = b"".join(merged[key] + b"\n" for key in sorted(merged))
    head = ordered[:cut]
    return Combined(head + (b"\n" if head and not head.endswith(b"\n") else b"") + tail, len(merged) - len(end))


def key_of(line: bytes) -> Key:
    """What a line is known and ordered by."""
    try:
        keyed = _DECODE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return (_BEHIND_ALL, line.decode("utf-8", "backslashreplace"))
    return (keyed.sent_at, keyed.request)


def lines(data: bytes) -> Iterator[bytes]:
    """The lines, without their ends."""
    return (line for line in data.split(b"\n") if line)


def _where(ordered: bytes, key: Key) -> int:
    """Where the first line begins that is not before `key`: found by halving."""
    low, high = 0, len(ordered)  # both begin a line
    while low < high:
        start = ordered.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = ordered.find(b"\n", start)
        end = end if end >= 0 else len(ordered)
        if key_of(ordered[start:end]) < key:
            low = min(end + 1, len(ordered))
        else:
            high = start
    return low
