"""Calls to SQS on queues by name: queues are found or made, batches leave side by side, what may pass is tried again.

What crosses the wire, and what an answer means, is decided in `sqs_wire.py`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Sequence
from typing import Any

from actors.kit import aws
from actors.kit.queues.base import NoSuchQueue, QueueUnavailable, Redrive
from actors.kit.queues.sqs_wire import FIFO, Entry, is_missing, no_such_queue, outcomes, problem_of
from actors.kit.retry import pause_after
from runtime.errors import Problem

PATIENCE = 20.0  # seconds for a call that is no long poll, with its retries
ATTEMPTS = 3  # for entries of a batch that failed by the server's fault
SIDE_BY_SIDE = 16  # batches on their way at once
POOL = 64  # connections: those batches and the long polls
KEPT = 14 * 24 * 3600  # seconds a dead-letter queue keeps a message; the longest there is
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")

Entries = Sequence[Entry]
Result = str | Problem


class SqsCalls:
    """`create`: queues that do not exist are made, and redrive policies set."""

    def __init__(self, account: aws.Account, *, create: bool, chance: random.Random) -> None:
        self._account = account
        self._create = create
        self._chance = chance
        self._urls: dict[str, str] = {}
        self._redrives: dict[str, Redrive] = {}
        self._room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def close(self) -> None:
        await self._account.close()

    async def call(
        self,
        operation: str,
        name: str,
        *,
        patience: float | None = PATIENCE,
        refused: type[Problem] = QueueUnavailable,
        **parameters: Any,
    ) -> dict[str, Any]:
        """One call on the queue `name`; `patience` None for one that may not be cut short. Raises a Problem."""
        url = await self.url(name)
        try:
            return await self._ask(operation, patience, QueueUrl=url, **parameters)
        except aws.ERRORS as error:
            if is_missing(error):
                self._urls.pop(name, None)  # the next call looks again, and makes it where that is wanted
            raise problem_of(error, name, refused) from error

    async def batches(
        self,
        operation: str,
        name: str,
        entries: Entries,
        runs: Sequence[range],
        refused: type[Problem],
        *,
        in_order: bool = False,
    ) -> list[Result]:
        """One result for each entry, in order: a message id (empty but for sends) or a Problem. Raises nothing.

        The runs leave side by side, or one after the other. `refused` is the type of a failure by an entry's own fault.
        """
        asked = [self._batch(operation, name, entries[run.start : run.stop], refused) for run in runs]
        done = [await each for each in asked] if in_order else await asyncio.gather(*asked)
        return [result for results in done for result in results]

    async def _batch(self, operation: str, name: str, entries: Entries, refused: type[Problem]) -> list[Result]:
        results: dict[int, Result] = {}
        left = list(range(len(entries)))
        for attempt in range(1, ATTEMPTS + 1):
            asked = [{**entries[at], "Id": str(at)} for at in left]
            try:
                async with self._room:
                    answer = await self.call(operation, name, refused=refused, Entries=asked)
            except Problem as problem:
                if isinstance(problem, refused) and len(left) > 1:
                    apart = await self._halves(operation, name, [entries[at] for at in left], refused)
                    results |= zip(left, apart, strict=True)
                else:
                    results |= dict.fromkeys(left, problem)
                break
            results |= outcomes(answer, left, refused)
            left = [at for at in left if isinstance(results[at], QueueUnavailable)]
            if not left or attempt == ATTEMPTS:
                break
            await asyncio.sleep(pause_after(attempt, self._chance.random()))
        return [results[at] for at in range(len(entries))]

    async def _halves(self, operation: str, name: str, entries: Entries, refused: type[Problem]) -> list[Result]:
        """A request refused as a whole, taken apart: one entry does not stand in the way of the others."""
        half = len(entries) // 2
        first = await self._batch(operation, name, entries[:half], refused)
        return first + await self._batch(operation, name, entries[half:], refused)

    async def url(self, name: str, redrive: Redrive | None = None) -> str:
        """The queue's URL, asked for once. Where queues are made, `redrive` is put into effect, now and if made anew.

        Raises NoSuchQueue, QueueDenied, QueueUnavailable.
        """
        if not NAME.fullmatch(name):
            raise NoSuchQueue(
                f"{name!r} is no queue name", hint="up to 80 letters, digits, - and _; FIFO ends in .fifo"
            )
        if redrive is None and (url := self._urls.get(name)):
            return url
        if redrive is not None:
            self._redrives[name] = redrive
        try:
            url = await self._found(name)
            if self._create and (redrive := self._redrives.get(name)):
                await self._set_redrive(name, url, redrive)
        except aws.ERRORS as error:
            raise problem_of(error, name) from error
        self._urls[name] = url
        return url

    async def _found(self, name: str) -> str:
        """An existing queue stays as it is; CreateQueue would refuse one whose attributes differ."""
        try:
            return str((await self._ask("get_queue_url", QueueName=name))["QueueUrl"])
        except aws.ERRORS as error:
            if not is_missing(error):
                raise
            if not self._create:
                raise no_such_queue(name) from error
        kept = any(redrive.dead_letters == name for redrive in self._redrives.values())
        attributes = {"ReceiveMessageWaitTimeSeconds": "20"} | ({"MessageRetentionPeriod": str(KEPT)} if kept else {})
        if name.endswith(FIFO):
            attributes["FifoQueue"] = "true"
        return str((await self._ask("create_queue", QueueName=name, Attributes=attributes))["QueueUrl"])

    async def _set_redrive(self, name: str, url: str, redrive: Redrive) -> None:
        if name.endswith(FIFO) != redrive.dead_letters.endswith(FIFO):
            hint = "the names of both end in .fifo, or neither does"
            raise NoSuchQueue(f"{redrive.dead_letters!r} cannot hold the dead letters of {name!r}", hint=hint)
        arn = await self._attribute(await self.url(redrive.dead_letters), "QueueArn")
        wanted = {"deadLetterTargetArn": arn, "maxReceiveCount": redrive.max_receives}
        current = json.loads(await self._attribute(url, "RedrivePolicy") or "{}")
        if {**current, "maxReceiveCount": int(current.get("maxReceiveCount", 0))} != wanted:
            await self._ask("set_queue_attributes", QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(wanted)})

    async def _attribute(self, url: str, name: str) -> str:
        answer = await self._ask("get_queue_attributes", QueueUrl=url, AttributeNames=[name])
        return str(answer.get("Attributes", {}).get(name, ""))

    async def _ask(self, operation: str, patience: float | None = PATIENCE, **parameters: Any) -> dict[str, Any]:
        async with asyncio.timeout(patience), self._account.use() as client:
            answer: dict[str, Any] = await getattr(client, operation)(**parameters)
            return answer
