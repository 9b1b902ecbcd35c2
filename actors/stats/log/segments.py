"""The objects of the log in a store: their keys, writing a segment, and reading several at once.

A segment is written once and never changed. It is deleted after its lines stand in the day's object, or in a larger
segment; so whoever misses one that was listed finds its lines by looking again.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from actors.kit.stores.base import NoSuchKey, Store
from actors.stats.log.records import LogRecord, day_of, record_line
from runtime.errors import Problem

ROOT = "logs/stats/"
SEGMENTS = f"{ROOT}segments/"
CONTENT_TYPE = "application/x-ndjson"
READS = 16  # objects read at once

_DAY = re.compile(re.escape(ROOT) + r"(\d{4}-\d\d-\d\d)\.jsonl")
_SEGMENT = re.compile(re.escape(SEGMENTS) + r"(\d{4}-\d\d-\d\d)/\d+-[0-9a-f]+\.jsonl")


def day_key(day: str) -> str:
    """The object of a day."""
    return f"{ROOT}{day}.jsonl"


def segments_of(day: str) -> str:
    """Where a day's segments are."""
    return f"{SEGMENTS}{day}/"


def segment_key(day: str, written: int) -> str:
    """A new segment; `written` in ms since 1970."""
    return f"{segments_of(day)}{written:013d}-{secrets.token_hex(8)}.jsonl"


def key_behind(segment: str) -> str:
    """A new segment of the same day that is listed behind this one, so that no listing can miss both."""
    folder, _, name = segment.rpartition("/")
    return segment_key(folder.removeprefix(SEGMENTS), int(name.partition("-")[0]) + 1)


def day_in(key: str) -> str | None:
    """The day whose object this key is; None for other keys."""
    found = _DAY.fullmatch(key)
    return found[1] if found else None


def segment_day(key: str) -> str | None:
    """The day whose segment this key is; None for other keys."""
    found = _SEGMENT.fullmatch(key)
    return found[1] if found else None


async def append(store: Store, records: Iterable[LogRecord], *, wall: Callable[[], float] = time.time) -> None:
    """Write the records, durable when it returns: one segment for each day among them.

    Raises the store's problems; then some records may have been written, and writing all of them again is right:
    the log shows each request once.
    """
    days: dict[str, list[LogRecord]] = defaultdict(list)
    for record in records:
        days[day_of(record)].append(record)
    for day, members in days.items():
        members.sort(key=lambda record: (record.sent_at, record.request))
        data = b"".join(map(record_line, members))
        await store.put(segment_key(day, int(wall() * 1000)), data, content_type=CONTENT_TYPE)


async def read_segments(store: Store, keys: Sequence[str]) -> dict[str, bytes]:
    """The bytes of those that are there, by key, some at a time. Raises the store's problems."""
    read: dict[str, bytes] = {}
    for first in range(0, len(keys), READS):
        some = keys[first : first + READS]
        for key, outcome in zip(some, await asyncio.gather(*(_read(store, key) for key in some)), strict=True):
            if isinstance(outcome, bytes):
                read[key] = outcome
            elif not isinstance(outcome, NoSuchKey):
                raise outcome
    return read


async def _read(store: Store, key: str) -> bytes | Problem:
    try:
        return (await store.get(key)).data
    except Problem as problem:
        return problem
