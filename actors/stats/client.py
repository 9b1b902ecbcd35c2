"""One run of the client: what it has sent, what is still unanswered, and the listening in between.

Nothing is printed here: `show` gets each reply once, `tell` a sentence about trouble.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from actors.kit.queues.base import Broker, QueueUnavailable
from actors.kit.retry import pause_after, rest
from actors.stats.exchange import request_draft
from actors.stats.inbox import WAIT, Arrival, Inbox
from actors.stats.messages import ErrorReply
from runtime.errors import Problem

GROUP = 500  # messages sent together
LOOK_SECONDS = 1.0  # how long one looks for replies to nobody
Series = Sequence[float]


class Client:
    """Sends to `requests`, listens on `replies` under a name of its own."""

    def __init__(
        self, broker: Broker, requests: str, replies: str, show: Callable[[Arrival], None], tell: Callable[[str], None]
    ) -> None:
        self.name = f"stats-client-{uuid.uuid4().hex}"
        self.sent: set[str] = set()  # by message id
        self.unsent = 0
        self.refused = False  # one of our replies says that its request was no series
        self.leaving = False
        self._answered: set[str] = set()
        self._shown: set[str] = set()
        self._sending = False
        self._end = float("inf")  # loop time until which replies are waited for
        self._done = asyncio.Event()
        self._broker = broker
        self._requests = requests
        self._replies = replies
        self._inbox = Inbox(broker, replies, self.name, shows=True)
        self._show = show
        self._tell = tell

    @property
    def missing(self) -> int:
        """Messages sent and not answered yet."""
        return len(self.sent - self._answered)

    async def open(self) -> None:
        """Look that both queues are there, before anything is sent. Raises the queue's errors."""
        await self._broker.queue(self._requests)
        await self._broker.queue(self._replies)

    async def send_and_listen(self, series: Sequence[Series], patience: float) -> None:
        """Send, showing replies as they come; then wait for the missing ones, at most `patience` seconds."""
        self._sending = True
        listening = asyncio.get_running_loop().create_task(self._listen())
        try:
            await self.send(series)
        finally:
            self._sending = False
            with self._patience(patience):
                await listening

    async def send(self, series: Sequence[Series]) -> bool:
        """Send, in groups; whether all was sent. What was not is told and counted, and nothing after it is tried."""
        queue = await self._broker.queue(self._requests)
        for start in range(0, len(series), GROUP):
            group = series[start : start + GROUP]
            outcomes: Sequence[str | Problem] = ()
            try:
                if not self.leaving:
                    outcomes = await queue.send([request_draft(numbers, self.name) for numbers in group])
            except Problem as problem:
                outcomes = [problem]
            ids = {outcome for outcome in outcomes if isinstance(outcome, str)}
            self.sent |= ids
            if len(ids) < len(group):
                self.unsent += len(series) - start - len(ids)
                why = next((str(outcome) for outcome in outcomes if isinstance(outcome, Problem)), "interrupted")
                self._tell(f"Not sent: {why}")
                return False
        return True

    async def listen(self, patience: float) -> None:
        """Show replies until every message sent is answered, at most `patience` seconds."""
        with self._patience(patience):
            await self._listen()

    async def look(self) -> None:
        """Show what lies there for nobody, without waiting for more."""
        while not self.leaving and await self._poll(LOOK_SECONDS):
            pass

    def leave(self) -> None:
        """Whatever is going on ends as soon as it can without stranding a message."""
        self.leaving = True
        self._done.set()

    @contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        """From now on replies are waited for so long; a poll that can be ended before its time is."""
        loop = asyncio.get_running_loop()
        self._end = loop.time() + seconds
        timer = loop.call_at(self._end, self._done.set)
        self._look_whether_done()
        try:
            yield
        finally:
            timer.cancel()

    async def _listen(self) -> None:
        failures, now = 0, asyncio.get_running_loop().time
        while not self._done.is_set() and now() < self._end:
            try:
                await self._poll(min(WAIT, self._end - now()))
                failures = 0
            except QueueUnavailable as problem:
                failures += 1
                if failures == 1:
                    self._tell(f"the queue does not answer, trying again: {problem}")
                await rest(min(pause_after(failures, 1.0, longest=5.0), self._end - now()), self._done)

    async def _poll(self, wait: float) -> int:
        """One receive; how many messages it brought us."""
        taken: list[Arrival] = []

        def take(arrival: Arrival) -> None:
            taken.append(arrival)
            self._take(arrival)

        await self._inbox.poll(take, wait=wait, mine=self.sent, leave=self._done)
        return len(taken)

    def _take(self, arrival: Arrival) -> None:
        key = arrival.reply.request if arrival.reply else arrival.message.id
        if key not in self._shown:
            self._shown.add(key)
            self._show(arrival)
        if arrival.ours:
            self._answered.add(key)
            self.refused |= isinstance(arrival.reply, ErrorReply)
            self._look_whether_done()

    def _look_whether_done(self) -> None:
        if self.leaving or not (self._sending or self.missing):
            self._done.set()
