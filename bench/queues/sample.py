"""One sample of the queue rows: a full queue given to a service that was held back while it filled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from actors.stats.log.records import LogRecord, record_line
from bench.queues.client import PATIENCE, Client
from bench.queues.embedded import EmbeddedClient
from bench.queues.reply import reply
from bench.queues.service import Service, Used

LOOK = 0.02  # seconds between two looks at the queue
REST = 600.0  # seconds a log may take to come to rest: merging a long one is put off for fifty times what it took


@dataclass(frozen=True, slots=True)
class Work:
    """What became of a full queue: requests served, in so many seconds, and what that took from first to last.

    `used` counts until the log is at rest, so lines merged later belong to the sample that wrote them.
    """

    served: int
    seconds: float
    used: Used


class Bench:
    """A service and who looks at it from outside."""

    def __init__(self, service: Service, client: Client | EmbeddedClient) -> None:
        self.service = service
        self.client = client

    def work(self, count: int, *, log: bytes = b"", limit: float = PATIENCE) -> Work:
        """Have `count` requests served, or as many as can be in `limit` seconds, with a log of that content before.

        Raises RuntimeError when the service ends or a request lacks its reply, TimeoutError when it does not go on.
        """
        self.client.write(self.service.contender.log.format(day=datetime.now(UTC).date()), log)
        self.client.take_replies()
        before = self.service.used()
        served, took = self._serve(count, limit)
        self._rest()
        if (replies := self.client.take_replies()) < served:
            raise RuntimeError(f"{self.service.name} served {served} requests with {replies} replies")
        return Work(served, took, self.service.used() - before)

    def warm(self, seconds: float) -> int:
        """How many requests take about so many seconds, after the first ones."""
        count = 100
        while (took := self._serve(count, PATIENCE)[1]) < seconds / 3:
            count *= 2
        self._rest()
        return min(20_000, round(count * seconds / took))

    def _serve(self, count: int, limit: float) -> tuple[int, float]:
        """Fill the queue and let the service go: requests served and the seconds that took."""
        if not self.client.instant:
            self.service.pause()
        self.client.fill(count)
        begin = time.perf_counter()
        self.service.resume()
        left = self._wait(lambda left: left == 0 or time.perf_counter() - begin > limit)
        return count - left, time.perf_counter() - begin

    def _wait(self, enough: Callable[[int], bool]) -> int:
        """What is left of the queue once that is enough."""
        best, at = self.client.left(), time.perf_counter()
        while not enough(left := self.client.left()):
            self.service.used()  # raises when it has ended
            if left < best:
                best, at = left, time.perf_counter()
            elif time.perf_counter() - at > PATIENCE:
                raise TimeoutError(f"{self.service.name} leaves {left} requests in the queue")
            time.sleep(LOOK)
        return left

    def _rest(self) -> None:
        """Until the log lines are where they stay."""
        prefix = self.service.contender.pending
        until = time.perf_counter() + REST
        while prefix and self.client.keys(prefix):
            if time.perf_counter() > until:
                raise TimeoutError(f"{self.service.name} leaves log lines unmerged under {prefix}")
            time.sleep(0.5)


def log_of(size: int) -> bytes:
    """A log of today of about so many bytes, in the form all daily objects have."""
    sent_at = int(time.time() * 1000)
    body = json.dumps({"numbers": [1.5, 20, 300]})
    lines: list[bytes] = []
    length = 0
    while length < size:
        request = f"00000000-0000-4000-8000-{len(lines):012d}"
        lines.append(record_line(LogRecord(request, sent_at, body, reply(request, body))))
        length += len(lines[-1])
    return b"".join(lines)
