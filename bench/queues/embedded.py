"""The same view of a place without servers: a SQLite file and a folder, through our own port."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import ClassVar

from actors.kit.queues import open_broker
from actors.kit.queues.base import Draft, Queue
from bench.queues.client import bodies
from bench.queues.contender import Place


class EmbeddedClient:
    """`Client`, as far as the embedded service is measured. All that one `fill` sends appears at once."""

    instant: ClassVar[bool] = True

    def __init__(self, place: Place) -> None:
        self._runner = asyncio.Runner()
        self._broker = open_broker(f"sqlite:{place.folder}/queue.db")
        self._requests = self._open(place.requests)
        self._replies = self._open(place.replies)
        self._bucket = Path(place.folder) / "bucket"
        self._chance = random.Random(7)
        self._seen = 0

    def fill(self, count: int) -> None:
        """Send so many requests."""
        drafts = [Draft(body) for body in bodies(count, self._chance)]
        self._runner.run(self._requests.send(drafts))

    def left(self) -> int:
        """Requests not deleted yet."""
        return self._count(self._requests)

    def take_replies(self) -> int:
        """Replies since the last time; they stay where they are."""
        before, self._seen = self._seen, self._count(self._replies)
        return self._seen - before

    def _open(self, name: str) -> Queue:
        return self._runner.run(self._broker.queue(name))

    def _count(self, queue: Queue) -> int:
        depth = self._runner.run(queue.depth())
        return depth.waiting + depth.hidden

    def write(self, key: str, data: bytes) -> None:
        """Write an object of the store while nobody else does."""
        file = self._bucket / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def keys(self, prefix: str) -> int:
        """How many objects there are."""
        return sum(found.is_file() for found in (self._bucket / prefix).rglob("*"))
