"""Reading the log while nodes write and merge it: every message that was logged before is shown, once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import structlog

from actors.kit.stores.base import NoSuchKey, Store
from actors.stats.log.combine import combine, lines
from actors.stats.log.records import LogRecord, read_line
from actors.stats.log.segments import ROOT, day_in, day_key, read_segments, segment_day, segments_of

_log = structlog.stdlib.get_logger("stats.log")


async def days(store: Store) -> list[str]:
    """The days with messages, in order. Raises the store's problems."""
    found = {day_in(entry.key) or segment_day(entry.key) async for entry in store.list(ROOT)}
    return sorted(day for day in found if day)


async def read_day(store: Store, day: str) -> AsyncIterator[LogRecord]:
    """The messages of a UTC day (2026-11-21) in the order they were sent; holds the day in memory.

    A damaged line is told to the log, and left out. Raises the store's problems, before the first message.
    """
    combined = await asyncio.to_thread(combine, b"", await _objects(store, day))
    for line in lines(combined.data):
        if (record := read_line(line)) is None:
            _log.warning("a line of the log is damaged", day=day, line=line[:80])
        else:
            yield record


async def _objects(store: Store, day: str) -> list[bytes]:
    """Segments first, the day's object last: what vanishes in between was merged, and is in what is read later."""
    segments: dict[str, bytes] = {}
    while True:
        listed = [entry.key async for entry in store.list(segments_of(day)) if segment_day(entry.key)]
        missing = [key for key in listed if key not in segments]
        read = await read_segments(store, missing)
        segments |= read
        if len(read) == len(missing):
            break
    try:
        return [(await store.get(day_key(day))).data, *segments.values()]
    except NoSuchKey:
        return list(segments.values())
