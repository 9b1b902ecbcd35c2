"""Queues on SQS, or on any server that speaks its protocol; at `sqs://?endpoint_url=…&region=…&create=true`.

Credentials come from the environment, as with every AWS tool. Times are sent in whole seconds, rounded up. A queue
whose name ends in `.fifo` is FIFO: drafts of one call arrive in order within their group. Every receive counts
towards the redrive policy, one that was released too.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from math import ceil
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from actors.kit.aws import Account
from actors.kit.queues.base import (
    MAX_BATCH,
    Depth,
    Draft,
    Message,
    MessageRefused,
    NoSuchQueue,
    Outcome,
    Queue,
    QueueDenied,
    QueueUnavailable,
    ReceiptStale,
    Redrive,
    Settlement,
    check_draft,
    draft_bytes,
)
from actors.kit.queues.sqs_calls import POOL, Result, SqsCalls
from actors.kit.queues.sqs_wire import FIFO, batches, draft_entry, message_of
from runtime.errors import Problem

HEAD_START = 0.002  # seconds in which answers get on their way: somebody waits for them, and `after` takes CPU too
LONGEST_WAIT = 20  # seconds
COUNTED = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
R = TypeVar("R")
NOTHING_DONE = (QueueUnavailable, QueueDenied, NoSuchQueue)


class SqsBroker:
    """All queues of one endpoint and region, over the node's one client. `create`: queues are made if need be."""

    def __init__(self, endpoint: str | None, region: str | None, *, create: bool = False) -> None:
        account = Account("sqs", endpoint, region, max_pool_connections=POOL)
        self._calls = SqsCalls(account, create=create, chance=random.Random())

    @classmethod
    def of(cls, url: str) -> SqsBroker:
        """The broker of an `sqs:` URL. Raises ValueError for one with a typo."""
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        endpoint, region, create = (asked.pop(key, "") for key in ("endpoint_url", "region", "create"))
        if asked or parts.netloc or parts.path.strip("/"):
            raise ValueError(f"{url!r}: sqs:// takes ?endpoint_url=…, region=… and create=true, and nothing else")
        if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
            raise ValueError(f"{url!r}: endpoint_url is http://… or https://…")
        if create not in ("", "true", "false"):
            raise ValueError(f"{url!r}: create is true or false")
        return cls(endpoint or None, region or None, create=create == "true")

    async def queue(self, name: str, redrive: Redrive | None = None) -> Queue:
        """An existing queue's redrive policy is changed with create=true only."""
        await self._calls.url(name, redrive)
        return SqsQueue(name, self._calls)

    async def close(self) -> None:
        await self._calls.close()


class SqsQueue:
    """See `Queue` for what each method promises."""

    def __init__(self, name: str, calls: SqsCalls) -> None:
        self.name = name
        self._calls = calls

    async def send(self, drafts: Sequence[Draft]) -> list[str | Problem]:
        return _something_done(await self._send(self.name, drafts))

    async def receive(
        self, limit: int = MAX_BATCH, *, wait: float = 0.0, visibility: float = 30.0, leave: asyncio.Event | None = None
    ) -> list[Message]:
        if leave is not None and leave.is_set():
            wait = 0.0
        answer = await self._calls.call(
            "receive_message",
            self.name,
            patience=None,  # what a receive cut short had been given would stay hidden
            MaxNumberOfMessages=min(limit, MAX_BATCH),
            WaitTimeSeconds=min(ceil(wait), LONGEST_WAIT),
            VisibilityTimeout=ceil(visibility),
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            MessageAttributeNames=["All"],
        )
        return [message_of(each) for each in answer.get("Messages", ())]

    async def settle(self, done: Sequence[Settlement], *, after: Awaitable[object] | None = None) -> list[Outcome]:
        answering = asyncio.create_task(self._answer(done))
        try:
            if after is not None:
                await asyncio.wait([answering], timeout=HEAD_START)
                await after
            unsent = await answering
        finally:
            answering.cancel()  # where it is not done, `after` failed or we were cancelled
            await asyncio.wait([answering])
        answered = [each.message for each, problem in zip(done, unsent, strict=True) if problem is None]
        deleted = iter(await self._each("delete_message_batch", answered))
        return _something_done([problem or next(deleted) for problem in unsent])

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Outcome]:
        seconds = ceil(seconds)
        return _something_done(await self._each("change_message_visibility_batch", messages, VisibilityTimeout=seconds))

    async def release(self, messages: Sequence[Message], *, delay: float = 0.0) -> list[Outcome]:
        return await self.extend(messages, delay)

    async def depth(self) -> Depth:
        answer = await self._calls.call("get_queue_attributes", self.name, AttributeNames=COUNTED)
        waiting, *hidden = (int(answer.get("Attributes", {}).get(name, 0)) for name in COUNTED)
        return Depth(waiting, sum(hidden))

    async def _answer(self, done: Sequence[Settlement]) -> list[Outcome]:
        """For each settlement why its answers were not all sent; None where they were."""
        queues: defaultdict[str, list[tuple[int, Draft]]] = defaultdict(list)
        for at, settlement in enumerate(done):
            for answer in settlement.answers:
                queues[answer.queue].append((at, answer.draft))
        sends = (self._send(name, [draft for _, draft in asked]) for name, asked in queues.items())
        unsent: list[Outcome] = [None] * len(done)
        for asked, results in zip(queues.values(), await asyncio.gather(*sends), strict=True):
            for (at, _), result in zip(asked, results, strict=True):
                unsent[at] = result if isinstance(result, Problem) else unsent[at]
        return unsent

    async def _send(self, name: str, drafts: Sequence[Draft]) -> list[Result]:
        refusals = [check_draft(draft) for draft in drafts]
        good = [draft for draft, refusal in zip(drafts, refusals, strict=True) if refusal is None]
        fifo = name.endswith(FIFO)
        entries = [draft_entry(draft, fifo=fifo) for draft in good]
        runs = batches([draft_bytes(draft) for draft in good])
        sending = self._calls.batches("send_message_batch", name, entries, runs, MessageRefused, in_order=fifo)
        sent = iter(await sending)
        return [refusal or next(sent) for refusal in refusals]

    async def _each(self, operation: str, messages: Sequence[Message], **settings: Any) -> list[Outcome]:
        entries = [{"ReceiptHandle": message.receipt, **settings} for message in messages]
        runs = batches([len(message.receipt) for message in messages])
        results = await self._calls.batches(operation, self.name, entries, runs, ReceiptStale)
        return [result if isinstance(result, Problem) else None for result in results]


def _something_done(results: list[R]) -> list[R]:
    """The results, unless nothing at all could be done: then what stood in the way is raised."""
    if results and all(isinstance(result, NOTHING_DONE) for result in results):
        assert isinstance(results[0], Problem)
        raise results[0]
    return results
