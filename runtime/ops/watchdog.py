"""A watch on the event loop: how late it runs its timers, and where it is stuck when it does not run at all.

A timer ticks on the loop, a thread looks at the ticks. The decision between them is `BlockDetector`, without clock.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections import deque
from types import TracebackType
from typing import Final, Self

from structlog.stdlib import BoundLogger

TICK: Final = 0.25  # seconds
REMEMBERED: Final = 60  # ticks: a scrape every 15 s misses none


class BlockDetector:
    """Decides when a loop counts as blocked: no tick for `limit` seconds while the watcher itself could look.

    A watcher that was late too says that the whole process was stopped, which is nobody's fault.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self._ticked = self._looked = now
        self._reported = False

    def tick(self, now: float) -> float | None:
        """The loop ran; for how long it had not, if that was reported."""
        blocked = now - self._ticked if self._reported else None
        self._ticked, self._reported = now, False
        return blocked

    def look(self, now: float) -> bool:
        """The watcher looks; whether a block is to be reported now, once for each."""
        late, self._looked = now - self._looked > self._limit, now
        if late and not self._reported:
            self._ticked = now
        if self._reported or now - self._ticked <= self._limit:
            return False
        self._reported = True
        return True


class Watchdog:
    """Between `async with` and its end, logs the stack of a loop blocked longer than `limit` seconds, and its end."""

    def __init__(self, log: BoundLogger, *, limit: float = 1.0) -> None:
        self._log = log
        self._limit = limit
        self._lags: deque[float] = deque([0.0], maxlen=REMEMBERED)
        self._detector = BlockDetector(limit, time.monotonic())
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watchdog", daemon=True)
        self._loop_thread = 0
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop_thread = threading.get_ident()
        self._detector = BlockDetector(self._limit, time.monotonic())
        self._schedule()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end.set()
        await asyncio.to_thread(self._thread.join)

    def lag(self) -> float:
        """Seconds the latest of the recent ticks was late."""
        return max(self._lags)

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK
        self._timer = loop.call_at(due, self._tick, due)

    def _tick(self, due: float) -> None:
        self._lags.append(max(0.0, asyncio.get_running_loop().time() - due))
        with self._lock:
            blocked = self._detector.tick(time.monotonic())
        if blocked is not None:
            self._log.warning("loop runs again", blocked=round(blocked, 3))
        self._schedule()

    def _watch(self) -> None:
        while not self._end.wait(min(TICK, self._limit / 2)):
            with self._lock:
                report = self._detector.look(time.monotonic())
            if report:
                frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - documented, despite its name
                stack = "".join(traceback.format_stack(frame)) if frame else ""
                self._log.error("loop blocked", limit=self._limit, stack=stack)
