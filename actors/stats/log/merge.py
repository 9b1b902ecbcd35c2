"""Merges segments into one object a day, in the background, on any number of nodes at once.

The object of a day is its own manifest. What is read from it and from segments is written back only where it still is
what was read (compare-and-swap), and segments are deleted only after that: whoever is killed when, no line is lost,
and a line that was merged already is not added again.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from actors.kit.retry import pause_after, rest
from actors.kit.stores.base import Blob, Conflict, Entry, NoSuchKey, Store
from actors.stats.log.combine import combine
from actors.stats.log.pace import Backlog, MergePace, choose
from actors.stats.log.records import LogRecord, day_of
from actors.stats.log.segments import (
    CONTENT_TYPE,
    ROOT,
    append,
    day_in,
    day_key,
    key_behind,
    read_segments,
    segment_day,
)
from runtime.errors import Problem

LOOK = 15.0  # seconds between listings while nothing waits: for what other nodes left behind
LAST = 3.0  # seconds for the merge at the end
ATTEMPTS = 5  # at one merge, against other nodes that merge the same day
LISTED = 10_000  # segments of a day looked at in one listing

_log = structlog.stdlib.get_logger("stats.log")


@dataclass(frozen=True)
class MergeReport:
    """What one look did: segments merged or joined, records new in a day's object, segments that still wait."""

    segments: int = 0
    records: int = 0
    waiting: int = 0


class LogMerger:
    """Appends to the log of a store and merges it."""

    def __init__(
        self,
        store: Store,
        *,
        pace: MergePace | None = None,
        chance: random.Random | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._store = store
        self._pace = pace or MergePace()
        self._chance = chance or random.Random()
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._since: dict[str, float] = {}  # day → when segments began to wait, as far as this node saw
        self._took: dict[str, float] = {}  # day → seconds its last merge took here
        self._written = asyncio.Event()

    async def append(self, records: Sequence[LogRecord]) -> None:
        """Write the records, durable when it returns; a merge follows. Raises the store's problems."""
        await append(self._store, records)
        for day in {day_of(record) for record in records}:
            self._since.setdefault(day, self._clock())
        self._written.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Merge until `stop` is set, then, for 3 s at most, what is left; set it once nothing is appended any more.

        A store that fails is asked again, more and more rarely.
        """
        failures = 0
        while not stop.is_set():
            try:
                report = await self.run_once()
            except Problem as problem:
                failures += 1
                _log.warning("the log cannot be merged", code=problem.code, reason=problem.message, hint=problem.hint)
                await rest(pause_after(failures, self._chance.random(), first=1.0), stop)
            else:
                failures = 0
                await self._wait(stop, report)
        await self._merge_the_rest()

    async def run_once(self, *, patient: bool = True) -> MergeReport:
        """Look once, and merge what pays, or, if not `patient`, all there is. Raises the store's problems."""
        self._written.clear()
        days = await self._look()
        segments = records = waiting = 0
        for day, backlog in days.items():
            waited = self._clock() - self._since[day] if patient else float("inf")
            step, chosen = choose(backlog, waited, self._took.get(day, 0.0), self._pace)
            if step == "wait":
                waiting += len(chosen)
                continue
            done, added = await self._timed(day, step == "join", chosen)
            segments, records, waiting = segments + done, records + added, waiting + len(backlog.segments) - done
        return MergeReport(segments, records, waiting)

    async def _wait(self, stop: asyncio.Event, report: MergeReport) -> None:
        """Until it is time to look again: soon while segments wait or are written here, else every now and then."""
        if not report.waiting and not self._written.is_set():
            await rest(LOOK * (0.75 + 0.5 * self._chance.random()), stop, self._written)
        await rest(self._pace.gather, stop)

    async def _merge_the_rest(self) -> None:
        """A node that stops leaves the objects of the days complete, if the store lets it."""
        try:
            async with asyncio.timeout(LAST):
                while (await self.run_once(patient=False)).segments:
                    pass
        except (Problem, TimeoutError) as error:
            _log.warning("left segments unmerged", reason=str(error) or f"no end within {LAST:g} s")

    async def _look(self) -> Mapping[str, Backlog]:
        """The days with segments, from one listing of the log."""
        sizes: dict[str, int] = {}
        segments: dict[str, list[Entry]] = defaultdict(list)
        async for entry in self._store.list(ROOT):
            if day := day_in(entry.key):
                sizes[day] = entry.size
            elif (day := segment_day(entry.key)) and len(segments[day]) < LISTED:
                segments[day].append(entry)
        now = self._clock()
        self._since = {day: self._since.get(day, now) for day in segments}
        self._took = {day: took for day, took in self._took.items() if day in sizes}
        return {day: Backlog(tuple(entries), sizes.get(day, 0)) for day, entries in segments.items()}

    async def _timed(self, day: str, join: bool, entries: Sequence[Entry]) -> tuple[int, int]:
        """Merge or join; gives how many segments are gone, and how many records are new in the day's object."""
        began = self._clock()
        keys = [entry.key for entry in entries]
        read = await read_segments(self._store, keys)
        added = await (self._join(read) if join else self._merge(day, read)) if read else 0
        if added is None:
            return 0, 0
        await self._store.delete(list(read))
        self._took[day] = self._clock() - began
        self._since.pop(day, None)
        _log.debug("merged", day=day, segments=len(read), records=added, seconds=round(self._took[day], 3))
        return len(keys), added

    async def _merge(self, day: str, read: Mapping[str, bytes]) -> int | None:
        """Bring the lines into the day's object; gives how many are new, None when other nodes were faster."""
        for attempt in range(ATTEMPTS):
            whole = await self._whole(day)
            made = await asyncio.to_thread(combine, whole.data, read.values())
            try:
                if not whole.etag:
                    await self._store.put_if_absent(day_key(day), made.data, content_type=CONTENT_TYPE)
                elif made.added:
                    await self._store.put_if_match(day_key(day), made.data, whole.etag, content_type=CONTENT_TYPE)
            except Conflict:
                await asyncio.sleep(pause_after(attempt + 1, self._chance.random(), first=0.05))
            else:
                return made.added
        return None

    async def _join(self, read: Mapping[str, bytes]) -> int:
        """Write the segments again as one; nothing is new in the day's object, which is full."""
        made = await asyncio.to_thread(combine, b"", read.values())
        await self._store.put(key_behind(max(read)), made.data, content_type=CONTENT_TYPE)
        return 0

    async def _whole(self, day: str) -> Blob:
        """The day's object; empty and without an etag when there is none."""
        try:
            return await self._store.get(day_key(day))
        except NoSuchKey:
            return Blob(b"", "")
