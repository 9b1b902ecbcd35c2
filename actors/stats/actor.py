"""The statistics service: polls the request queue, answers, logs; and asks through the same queue for the site."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial

from pydantic import Field

from actors.kit.queues import open_broker
from actors.kit.queues.base import Answer, Depth, Message, Queue, Redrive
from actors.kit.retry import pause_after, rest
from actors.kit.stores import open_store
from actors.stats.exchange import Exchange
from actors.stats.log.merge import LogMerger
from actors.stats.log.records import record
from actors.stats.log.segments import SEGMENTS
from actors.stats.messages import Reply, StatsStatus
from actors.stats.poller import Limits, Poller
from actors.stats.reply import answer
from runtime.actor import Actor, Options, op
from runtime.errors import Problem, worded
from runtime.statistics import Measurement

DEPTH_SECONDS = 30.0
# A stop has the node's drain time: for the last asks, the polls under way, which cannot be cancelled, what they bring,
# and in the rest for giving back what could not be settled and a last merge of the log.
LAST_ASKS, LAST_POLLS, LAST_SETTLEMENTS = 1 / 6, 1 / 2, 1 / 6


class StatsOptions(Options):
    """`queue` and `store` are the node file's; `replies` and `reply_queues` are where a request may ask to be answered.

    `wait` and `visibility` in seconds; `pollers` is the most long polls at a time, `held` the most messages in memory.
    """

    queue: str
    store: str
    requests: str = "lab2"
    replies: str = "lab2_1"
    reply_queues: tuple[str, ...] = ()
    dead_letters: str = ""
    max_receives: int = Field(default=10, ge=1)
    wait: float = Field(default=20.0, ge=0, le=20)
    visibility: float = Field(default=30.0, ge=1, le=43200)
    pollers: int = Field(default=8, ge=1, le=64)
    held: int = Field(default=2000, ge=10)


class Stats(Actor[StatsOptions]):
    """Every message of `requests` answered, logged, and then deleted; concurrent asks share one listener."""

    concurrency = 256

    async def start(self) -> None:
        self._leave = asyncio.Event()
        self._left = asyncio.Event()
        self._asks = 0
        self._all_answered = asyncio.Event()  # set while nobody waits for an answer
        self._all_answered.set()
        self._poller: Poller | None = None
        self._depth: Depth | None = None
        self._trouble: str | None = "not connected yet"
        self._opened = AsyncExitStack()  # what a stop closes, also one amid the start
        # in a thread: what a cloud URL imports takes a second or more
        self._store = await asyncio.to_thread(open_store, self.options.store)
        self._opened.push_async_callback(self._store.close)
        self._broker = await asyncio.to_thread(open_broker, self.options.queue)
        self._opened.push_async_callback(self._broker.close)
        self._log = LogMerger(self._store)
        client = f"{self.node.name}-{self.node.instance}"
        self._exchange = Exchange(self._broker, self.options.requests, self.options.replies, client=client)
        self._opened.push_async_callback(self._exchange.close)

    async def run(self) -> None:
        """Connect, however long that takes, then poll and merge until the node leaves."""
        try:
            requests = await self._connect()
            if requests is None:
                return
            async with asyncio.TaskGroup() as tasks:
                written = asyncio.Event()
                tasks.create_task(self._log.run(written))
                tasks.create_task(self._count(requests))
                await self._poll(requests)
                written.set()
        finally:
            self._left.set()

    async def drain(self) -> None:
        """Let asks be answered, end the receives, settle what they brought."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_ASKS * self.node.drain_seconds):
                await self._all_answered.wait()
        self._leave.set()
        await self._left.wait()

    async def stop(self) -> None:
        self._leave.set()
        await self._opened.aclose()

    @op
    async def ask(self, numbers: tuple[float, ...]) -> Reply:
        """The statistics of `numbers`, through the queue as for any client. Raises BadSeries, DeadlineExceeded."""
        self._asks += 1
        self._all_answered.clear()
        try:
            return await self._exchange.ask(numbers)
        finally:
            self._asks -= 1
            if not self._asks:
                self._all_answered.set()

    @op
    async def status(self) -> StatsStatus:
        """How the poller is doing."""
        poller = self._poller
        counts = poller.counts if poller else {}
        return StatsStatus(
            requests=self.options.requests,
            replies=self.options.replies,
            polled=self._poll_age(),
            pollers=poller.pace.polls if poller else 0,
            held=len(poller.held) if poller else 0,
            answered=counts.get("answered", 0),
            poison=counts.get("poison", 0),
            stale=counts.get("stale", 0),
            failures=counts.get("failures", 0),
            waiting=self._depth.waiting if self._depth else None,
            hidden=self._depth.hidden if self._depth else None,
            queue_age=self._queue_age(),
            trouble=self._why(),
        )

    def readiness(self) -> str | None:
        """Ready while polls complete: a poller that stopped in silence is found out by the age of its last one."""
        age = self._poll_age()
        if age is None:
            return self._why() or f"no poll of {self.options.requests} has completed yet"
        if age > self.options.wait + self.options.visibility:
            return f"no poll of {self.options.requests} has completed for {age:.0f} s: {self._why() or 'no answer'}"
        return None

    def measurements(self) -> Sequence[Measurement]:
        """What the metrics show of the poller, once there is one."""
        poller = self._poller
        if poller is None:
            return ()
        counts = poller.counts
        shown = [
            Measurement("stats_answered", "requests answered, logged and deleted", counts["answered"], "counter"),
            Measurement("stats_stale", "settled by somebody else meanwhile", counts["stale"], "counter"),
            Measurement("stats_poison", "messages that could not be answered", counts["poison"], "counter"),
            Measurement("stats_failures", "failed calls of queue and store", counts["failures"], "counter"),
            Measurement("stats_held_messages", "received and not yet settled", len(poller.held)),
            Measurement("stats_polls", "long polls side by side", poller.pace.polls),
            Measurement("stats_poll_age_seconds", "since the last completed poll", self._poll_age() or 0.0),
            Measurement("stats_queue_age_seconds", "how long the oldest request waits", self._queue_age()),
        ]
        if self._depth is not None:
            shown.append(Measurement("stats_queue_waiting_messages", "requests waiting", self._depth.waiting))
            shown.append(Measurement("stats_queue_hidden_messages", "requests being worked on", self._depth.hidden))
        return shown

    # -- the service

    async def _connect(self) -> Queue | None:
        """The request queue, once queue and store answer; None when the node leaves before that."""
        failures = 0
        while not self._leave.is_set():
            try:
                return await self._open()
            except Problem as problem:
                failures += 1
                self._trouble = worded(problem)
                self.log.warning("cannot connect yet", code=problem.code, reason=problem.message, hint=problem.hint)
            await rest(pause_after(failures, random.random()), self._leave)
        return None

    async def _open(self) -> Queue:
        """Look before taking: a message received while its log cannot be written would count a receive for nothing."""
        options = self.options
        async for _ in self._store.list(SEGMENTS):
            break
        for name in {options.replies, *options.reply_queues}:
            await self._broker.queue(name)
        redrive = Redrive(options.dead_letters or dead_letters_of(options.requests), options.max_receives)
        return await self._broker.queue(options.requests, redrive)

    async def _poll(self, requests: Queue) -> None:
        options = self.options
        drain = self.node.drain_seconds
        reply = partial(answer, replies=options.replies, reply_queues=options.reply_queues)
        limits = Limits(min(options.wait, LAST_POLLS * drain), options.visibility, options.pollers, options.held)
        self._poller = Poller(requests, reply, self._record, limits, self.log)
        self._trouble = None
        self.log.info("polling", requests=options.requests, replies=options.replies)
        await self._poller.run(self._leave, patience=LAST_SETTLEMENTS * drain)
        self.log.info("stopped polling", answered=self._poller.counts["answered"], held=len(self._poller.held))

    async def _record(self, done: Sequence[tuple[Message, Answer]]) -> None:
        await self._log.append([record(message, made) for message, made in done])

    async def _count(self, requests: Queue) -> None:
        while not self._leave.is_set():
            try:
                self._depth = await requests.depth()
            except Problem as problem:
                self.log.debug("cannot count", code=problem.code, reason=problem.message)
            await rest(DEPTH_SECONDS, self._leave)

    # -- for people

    def _poll_age(self) -> float | None:
        if self._poller is None or self._poller.polled is None:
            return None
        return asyncio.get_running_loop().time() - self._poller.polled

    def _queue_age(self) -> float:
        counted = self._depth.oldest if self._depth else None
        return max(counted or 0.0, self._poller.queue_age if self._poller else 0.0)

    def _why(self) -> str | None:
        if self._poller is None:
            return self._trouble
        return "; ".join(f"{part} fails: {problem}" for part, problem in self._poller.trouble.items()) or None


def dead_letters_of(queue: str) -> str:
    """`lab2_dead` for `lab2`; a FIFO queue's dead letters are in a FIFO queue."""
    name, fifo, _ = queue.partition(".fifo")
    return f"{name}_dead{fifo}"
