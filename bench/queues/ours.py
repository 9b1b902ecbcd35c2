"""Brume: `main.py --role stats`, as a user starts it, on the same servers; and on a SQLite file and a folder."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlencode

from bench.queues import contender
from bench.queues.contender import QUEUE_REGION, STORE_REGION, Place


class Brume(contender.Contender):
    """Pollers, heartbeats, metrics, the merge of the log in the background: everything as it comes."""

    log: ClassVar[str] = "logs/stats/{day}.jsonl"
    pending: ClassVar[str] = "logs/stats/segments/"

    def command(self, place: Place) -> list[str]:
        queue = urlencode({"endpoint_url": place.queues, "region": QUEUE_REGION, "create": "true"})
        store = urlencode({"endpoint_url": place.stores, "region": STORE_REGION})
        return _service(
            place.folder,
            f"queue=sqs://?{queue}",
            f"store=s3://{place.bucket}?{store}",
            f"actors.stats.options.requests={place.requests}",
            f"actors.stats.options.replies={place.replies}",
        )


class Embedded(contender.Contender):
    """Without servers: the queue is a file, the store a folder. For information: nobody is beside it."""

    log: ClassVar[str] = Brume.log
    pending: ClassVar[str] = Brume.pending

    def command(self, place: Place) -> list[str]:
        return _service(place.folder)


def _service(folder: str, *settings: str) -> list[str]:
    chosen = (word for setting in settings for word in ("--set", setting))
    return ["main", "--role", "stats", "--data", folder, *chosen]
