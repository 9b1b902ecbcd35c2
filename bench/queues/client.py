"""Who sends the requests and looks at what became of them, with boto3, from the measuring process."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import boto3
from botocore.config import Config

from bench.queues.contender import QUEUE_REGION, STORE_REGION, Place

PATIENCE = 120.0  # seconds without progress before a contender counts as stuck
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]


def bodies(count: int, chance: random.Random) -> Iterator[str]:
    """So many requests of one to ten numbers."""
    for _ in range(count):
        yield json.dumps({"numbers": [round(chance.uniform(0, 1000), 3) for _ in range(chance.randint(1, 10))]})


class Client:
    """The queues and the bucket of one place, which it makes."""

    instant: ClassVar[bool] = False

    def __init__(self, place: Place) -> None:
        quick = Config(parameter_validation=False, max_pool_connections=4)
        self._sqs = boto3.client("sqs", region_name=QUEUE_REGION, endpoint_url=place.queues, config=quick)
        self._s3 = boto3.client("s3", region_name=STORE_REGION, endpoint_url=place.stores)
        self._requests = self._sqs.create_queue(QueueName=place.requests)["QueueUrl"]
        self._replies = self._sqs.create_queue(QueueName=place.replies)["QueueUrl"]
        self._bucket = place.bucket
        self._chance = random.Random(7)
        self._s3.create_bucket(Bucket=place.bucket)

    def fill(self, count: int) -> None:
        """Send so many requests."""
        texts = list(bodies(count, self._chance))
        for start in range(0, count, 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[start : start + 10])]
            self._sqs.send_message_batch(QueueUrl=self._requests, Entries=entries)

    def left(self) -> int:
        """Requests not deleted yet."""
        return self._count(self._requests)

    def take_replies(self) -> int:
        """Count the replies and throw them away."""
        count = self._count(self._replies)
        self._sqs.purge_queue(QueueUrl=self._replies)
        return count

    def _count(self, queue: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=COUNTS)["Attributes"]
        return sum(int(found[name]) for name in COUNTS)

    def write(self, key: str, data: bytes) -> None:
        """Write an object of the bucket."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)

    def keys(self, prefix: str) -> int:
        """How many objects there are, up to a thousand."""
        return int(self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix)["KeyCount"])

    def latencies(self, rate: float, seconds: float) -> list[float]:
        """Send `rate` requests a second whatever happens; for each the seconds from its sending to its reply's arrival.

        Raises TimeoutError when replies stay away.
        """
        self._sqs.purge_queue(QueueUrl=self._replies)
        texts = list(bodies(max(1, int(rate * seconds)), self._chance))
        arrivals: dict[str, float] = {}
        receiving = threading.Thread(target=self._receive, args=(len(texts), arrivals), daemon=True)
        receiving.start()
        sent: dict[str, float] = {}
        begin = time.perf_counter()
        for number, text in enumerate(texts):
            time.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            now = time.perf_counter()
            sent[self._sqs.send_message(QueueUrl=self._requests, MessageBody=text)["MessageId"]] = now
        receiving.join(PATIENCE)
        if len(arrivals) < len(texts):
            raise TimeoutError(f"{len(texts) - len(arrivals)} of {len(texts)} requests stay without reply")
        return [arrivals[request] - at for request, at in sent.items()]

    def _receive(self, count: int, arrivals: dict[str, float]) -> None:
        until = time.perf_counter() + PATIENCE
        while len(arrivals) < count and time.perf_counter() < until:
            received: dict[str, Any] = self._sqs.receive_message(
                QueueUrl=self._replies, MaxNumberOfMessages=10, WaitTimeSeconds=2
            )
            now = time.perf_counter()
            for message in received.get("Messages", []):
                arrivals.setdefault(json.loads(message["Body"])["request"], now)
