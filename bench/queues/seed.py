"""The way of the project Brume grew from: one message a receive, and the whole log downloaded and uploaded for each."""

from __future__ import annotations

import sys
from dataclasses import astuple
from typing import Any, ClassVar

import boto3

from bench.queues import contender
from bench.queues.contender import QUEUE_REGION, STORE_REGION, Place
from bench.queues.reply import line, reply


class Seed(contender.Contender):
    """A loop over boto3. It polls long, which is more than its requests for an empty queue would earn it."""

    log: ClassVar[str] = "logs/log.jsonl"
    pending: ClassVar[str] = ""

    def command(self, place: Place) -> list[str]:
        return ["bench.queues.seed", *astuple(place)]


def serve(place: Place) -> None:
    """Receive, reply, log, delete, for ever."""
    sqs = boto3.client("sqs", region_name=QUEUE_REGION, endpoint_url=place.queues)
    s3 = boto3.client("s3", region_name=STORE_REGION, endpoint_url=place.stores)
    requests = sqs.get_queue_url(QueueName=place.requests)["QueueUrl"]
    replies = sqs.get_queue_url(QueueName=place.replies)["QueueUrl"]
    while True:
        received = sqs.receive_message(QueueUrl=requests, WaitTimeSeconds=20, AttributeNames=["SentTimestamp"])
        for message in received.get("Messages", []):
            answer = reply(message["MessageId"], message["Body"])
            sqs.send_message(QueueUrl=replies, MessageBody=answer)
            _log(s3, place.bucket, message, answer)
            sqs.delete_message(QueueUrl=requests, ReceiptHandle=message["ReceiptHandle"])


def _log(s3: Any, bucket: str, message: dict[str, Any], answer: str) -> None:
    try:
        written = s3.get_object(Bucket=bucket, Key=Seed.log)["Body"].read()
    except s3.exceptions.NoSuchKey:
        written = b""
    added = line(message["MessageId"], message["Attributes"]["SentTimestamp"], message["Body"], answer)
    s3.put_object(Bucket=bucket, Key=Seed.log, Body=written + added)


if __name__ == "__main__":
    serve(Place(*sys.argv[1:]))
