"""Asking over the queues as any client does: a series out on one, its reply back on the other.

Any number of asks at a time share one listener, which runs only while somebody waits.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
import uuid
from collections.abc import Callable, Sequence

from actors.kit.queues.base import Broker, Draft
from actors.kit.retry import pause_after, rest
from actors.stats.errors import BadSeries
from actors.stats.inbox import Arrival, Inbox
from actors.stats.messages import ErrorReply, Reply
from actors.stats.reply import CLIENT, LONGEST_CLIENT
from actors.stats.series import check_series
from runtime.deadline import remaining
from runtime.errors import DeadlineExceeded, Problem

EARLY = 1000  # replies kept at most that came before the ids of their requests were known


def request_draft(numbers: Sequence[float], client: str) -> Draft:
    """A series as the message of a client. On FIFO queues equal series differ too, and none waits for another."""
    own = uuid.uuid4().hex
    return Draft(json.dumps({"numbers": list(numbers)}), {CLIENT: client}, group=own, dedupe=own)


class Exchange:
    """Asks as `client`, whose name no other exchange may have at the same time."""

    def __init__(
        self,
        broker: Broker,
        requests: str = "lab2",
        replies: str = "lab2_1",
        *,
        client: str,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.client = client[-LONGEST_CLIENT:].strip()
        self._broker = broker
        self._requests = requests
        self._inbox = Inbox(broker, replies, self.client, wall=wall)
        self._waiting: dict[str, asyncio.Future[Reply | ErrorReply]] = {}
        self._early: dict[str, Reply | ErrorReply] = {}  # the answer to a send may come after the reply
        self._sending = 0
        self._asks = 0
        self._unasked = asyncio.Event()  # set while nobody waits for a reply
        self._listener: asyncio.Task[None] | None = None
        self._trouble = ""

    async def ask(self, numbers: Sequence[float]) -> Reply:
        """The statistics of `numbers`; waits for the reply within the deadline in force.

        Raises BadSeries, DeadlineExceeded, and the queue's errors when the series cannot be sent. Cancelled, or out
        of time, the series may be answered and logged nevertheless.
        """
        series = check_series(numbers)
        self._asks += 1
        self._listen()
        try:
            async with asyncio.timeout(remaining()):
                reply = await self._reply_to(series)
        except TimeoutError:
            trouble = f": {self._trouble}" if self._trouble else ""
            raise DeadlineExceeded(f"the statistics service gave no reply in time{trouble}") from None
        finally:
            self._asks -= 1
            if not self._asks:
                self._unasked.set()
        if isinstance(reply, ErrorReply):
            raise BadSeries(reply.error.message)
        return reply

    async def close(self) -> None:
        """End the listener, which gives back what it has received; asks still waiting are the caller's to cancel."""
        self._unasked.set()
        if self._listener is not None:
            await self._listener

    async def _reply_to(self, series: Sequence[float]) -> Reply | ErrorReply:
        waiting: asyncio.Future[Reply | ErrorReply] = asyncio.get_running_loop().create_future()
        request = await self._send(series, waiting)
        try:
            return await waiting
        finally:
            del self._waiting[request]

    async def _send(self, series: Sequence[float], waiting: asyncio.Future[Reply | ErrorReply]) -> str:
        """Send, and register who waits before the next reply can be looked at."""
        self._sending += 1
        try:
            queue = await self._broker.queue(self._requests)
            [outcome] = await queue.send([request_draft(series, self.client)])
            if isinstance(outcome, Problem):
                raise outcome
            self._waiting[outcome] = waiting
            if outcome in self._early:
                waiting.set_result(self._early.pop(outcome))
            return outcome
        finally:
            self._sending -= 1
            if not self._sending:
                self._early.clear()

    def _listen(self) -> None:
        """Have a listener; it belongs to no ask, and so to no ask's deadline."""
        self._unasked.clear()
        if self._listener is None or self._listener.done():
            listening = self._listen_while_asked()
            self._listener = asyncio.get_running_loop().create_task(
                listening, name=f"replies to {self.client}", context=contextvars.Context()
            )

    async def _listen_while_asked(self) -> None:
        failures = 0
        while not self._unasked.is_set():
            try:
                await self._inbox.poll(self._take, mine=self._waiting, leave=self._unasked)
            except Problem as problem:
                failures += 1
                self._trouble = problem.message
                await rest(pause_after(failures, 1.0, longest=5.0), self._unasked)
            else:
                failures, self._trouble = 0, ""

    def _take(self, arrival: Arrival) -> None:
        """A reply of ours: given to who waits for it; a repeated or late one to nobody."""
        reply = arrival.reply
        if reply is None:
            return
        waiting = self._waiting.get(reply.request)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        elif waiting is None and self._sending:
            self._early[reply.request] = reply
            if len(self._early) > EARLY:
                self._early.pop(next(iter(self._early)))
