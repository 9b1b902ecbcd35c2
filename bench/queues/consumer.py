"""aws-sqs-consumer with batches of ten: replies sent as one batch, log lines as one object, requests deleted as one."""

from __future__ import annotations

import sys
from dataclasses import astuple
from typing import Any, ClassVar

import boto3
from aws_sqs_consumer import Consumer, Message

from bench.queues import contender
from bench.queues.contender import QUEUE_REGION, STORE_REGION, Place
from bench.queues.reply import line, reply


class Batches(contender.Contender):
    """Nobody merges its log objects, so its log never costs more than a write a batch."""

    log: ClassVar[str] = "logs/log.jsonl"
    pending: ClassVar[str] = ""

    def command(self, place: Place) -> list[str]:
        return ["bench.queues.consumer", *astuple(place)]


class Service(Consumer):  # type: ignore[misc]
    """The consumer as its manual shows it."""

    def __init__(self, place: Place) -> None:
        sqs = boto3.client("sqs", region_name=QUEUE_REGION, endpoint_url=place.queues)
        super().__init__(
            queue_url=sqs.get_queue_url(QueueName=place.requests)["QueueUrl"], region=QUEUE_REGION, sqs_client=sqs,
            attribute_names=["SentTimestamp"], batch_size=10, wait_time_seconds=20,
        )  # fmt: skip
        self._sqs = sqs
        self._replies = sqs.get_queue_url(QueueName=place.replies)["QueueUrl"]
        self._s3 = boto3.client("s3", region_name=STORE_REGION, endpoint_url=place.stores)
        self._bucket = place.bucket

    def handle_message_batch(self, messages: list[Message]) -> None:
        answers = [reply(message.MessageId, message.Body) for message in messages]
        entries: list[Any] = [{"Id": str(number), "MessageBody": answer} for number, answer in enumerate(answers)]
        self._sqs.send_message_batch(QueueUrl=self._replies, Entries=entries)
        lines = [
            line(message.MessageId, message.Attributes["SentTimestamp"], message.Body, answer)
            for message, answer in zip(messages, answers, strict=True)
        ]
        key = f"logs/batches/{messages[0].MessageId}.jsonl"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"".join(lines))


if __name__ == "__main__":
    Service(Place(*sys.argv[1:])).start()
