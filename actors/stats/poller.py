"""Receives requests, has them answered and logged, and settles them: nothing is lost, nothing is left hidden.

Three things go on side by side. *Receiving*: a changing number of long polls, none of which is ever cancelled.
*Settling*: what has arrived is settled at once when nothing else is being settled, and together with all that
arrived meanwhile otherwise, so a quiet queue answers fast and a busy one costs few requests. *Keeping*: whatever is
held stays hidden until it is settled. What is asked of a message is a pure function; it is not known here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from actors.kit.queues.base import MAX_BATCH, Answer, Message, Queue, ReceiptStale, Settlement
from actors.kit.retry import pause_after, rest
from actors.stats.held import Held
from actors.stats.pace import Pace
from runtime.errors import Problem

ANSWERS_FIRST = 0.002  # seconds to get answers on their way before the next poll, whose preparation takes as long
LONGEST_PAUSE = 10.0  # seconds between receives that fail; a queue that is back is noticed after that
SETTLERS = 2  # while one waits for the queue, the other gathers
GROUP = 500  # messages settled together at most
HELD_BYTES = 64 << 20
RECEIVE_BYTES = MAX_BATCH * (256 << 10)  # what one receive may bring

Log = Callable[[Sequence[tuple[Message, Answer]]], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """`wait` and `visibility` in seconds; at most `polls` long polls and `held` messages at a time."""

    wait: float = 20.0
    visibility: float = 30.0
    polls: int = 8
    held: int = 2000


@dataclass
class Work:
    """A message with its answer; `logged` once its record is durable."""

    message: Message
    answer: Answer
    logged: bool = False


class Poller:
    """`answer` gives the answer to a message, `log` makes records durable or raises a Problem."""

    def __init__(
        self,
        requests: Queue,
        answer: Callable[[Message], Answer],
        log: Log,
        limits: Limits,
        journal: structlog.stdlib.BoundLogger,
        *,
        chance: random.Random | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.counts: Counter[str] = Counter()  # answered, stale, poison, failures
        self.trouble: dict[str, Problem] = {}  # what fails at the moment: receiving, logging, settling or keeping
        self.queue_age = 0.0  # seconds the oldest message of the last receive had waited
        self.polled: float | None = None  # loop time of the last completed poll
        self.pace = Pace(limits.polls)
        self.held = Held()
        self._requests = requests
        self._answer = answer
        self._log = log
        self._limits = limits
        self._journal = journal
        self._chance = chance or random.Random()
        self._wall = wall
        self._receiving = 0
        self._received_all = False
        self._pending: deque[Work] = deque()
        self._arrived = asyncio.Condition()
        self._changed = asyncio.Condition()

    async def run(self, leave: asyncio.Event, patience: float) -> None:
        """Work until `leave` is set; then end the receives, settle what they brought, and return.

        What cannot be settled within `patience` seconds of the last receive is given back to the queue.
        """
        self._received_all = False
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(self._keep_hidden())
            settling = [tasks.create_task(self._settle_arrivals()) for _ in range(SETTLERS)]
            receiving = [tasks.create_task(self._receive(number, leave)) for number in range(self._limits.polls)]
            await leave.wait()
            await self._notify(self._changed)
            await asyncio.wait(receiving)
            self._received_all = True
            await self._notify(self._arrived)
            _, late = await asyncio.wait(settling, timeout=patience)
            for task in (*late, keeping):
                task.cancel()
        if self.held:
            await self._give_back()

    # -- receiving

    async def _receive(self, number: int, leave: asyncio.Event) -> None:
        failures = 0
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: leave.is_set() or self._may_receive(number))
            if leave.is_set():
                return
            self._receiving += 1
            try:
                messages = await self._poll(leave)
                failures = 0
            except Problem as problem:
                failures += 1
                self.pace.failed()
                self._failed("receiving", problem)
                await rest(pause_after(failures, self._chance.random(), longest=LONGEST_PAUSE), leave)
            else:
                await self._take(messages)
                if len(messages) < MAX_BATCH:
                    await asyncio.sleep(ANSWERS_FIRST)
            finally:
                self._receiving -= 1

    def _may_receive(self, number: int) -> bool:
        """Whether poll `number` runs: as many as pay, with room for what they bring, and a log to write it to."""
        room = len(self.held) + MAX_BATCH * self._receiving < self._limits.held
        memory = self.held.bytes + RECEIVE_BYTES * self._receiving < HELD_BYTES
        return number < self.pace.polls and room and memory and "logging" not in self.trouble

    async def _poll(self, leave: asyncio.Event) -> list[Message]:
        wait = self._limits.wait if self.polled is not None else 0.0  # the first one shows that the queue answers
        messages = await self._requests.receive(wait=wait, visibility=self._limits.visibility, leave=leave)
        now = asyncio.get_running_loop().time()
        self.polled = now
        ages = [self._wall() - message.sent_at / 1000 for message in messages]
        self.queue_age = max([0.0, *ages])
        self._works("receiving")
        self.held.add(messages, now + self._limits.visibility)
        self.pace.brought(len(messages), MAX_BATCH)
        return messages

    async def _take(self, messages: Sequence[Message]) -> None:
        for message in messages:
            try:
                self._pending.append(Work(message, self._answer(message)))
            except Exception:
                # It is not released, which would undo its receive: it comes back when its visibility ends, and after
                # as many receives as the queue allows it is a dead letter.
                self.counts["poison"] += 1
                self.held.drop(message)
                self._journal.exception("a message cannot be answered", message=message.id, receives=message.receives)
        await self._notify(self._arrived)
        await self._notify(self._changed)

    # -- settling

    async def _settle_arrivals(self) -> None:
        failures = 0
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._pending or self._received_all)
            if not self._pending:
                return
            group = [self._pending.popleft() for _ in range(min(GROUP, len(self._pending)))]
            again = await self._settle(group)
            await self._notify(self._changed)
            failures = failures + 1 if again else 0
            if again:
                self._pending.extendleft(reversed(again))
                await asyncio.sleep(pause_after(failures, self._chance.random()))

    async def _settle(self, group: Sequence[Work]) -> list[Work]:
        """Answer, log and delete; gives what has to be tried again."""
        settlements = [Settlement(work.message, (work.answer,)) for work in group]
        logging = self._log_until_durable(group)
        try:
            outcomes = await self._requests.settle(settlements, after=logging)
        except Problem as problem:
            self._failed("settling", problem)
            return list(group)
        finally:
            logging.close()  # where nobody got to await it
        again = []
        for work, outcome in zip(group, outcomes, strict=True):
            if outcome is None or isinstance(outcome, ReceiptStale):
                self.counts["answered" if outcome is None else "stale"] += 1
                self.held.drop(work.message)
            else:
                self._failed("settling", outcome)
                again.append(work)
        if not again:
            self._works("settling")
        return again

    async def _log_until_durable(self, group: Sequence[Work]) -> None:
        failures = 0
        while unlogged := [work for work in group if not work.logged]:
            try:
                await self._log([(work.message, work.answer) for work in unlogged])
            except Problem as problem:
                failures += 1
                self._failed("logging", problem)
                await asyncio.sleep(pause_after(failures, self._chance.random(), longest=5.0))
            else:
                for work in unlogged:
                    work.logged = True
                self._works("logging")

    # -- keeping

    async def _keep_hidden(self) -> None:
        """Extend in the first half of what is left, so that one lost extension is made good by the next."""
        visibility = self._limits.visibility
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(visibility / 6)
            if not (due := self.held.due(now() + visibility / 2)):
                continue
            try:
                until = now() + visibility
                outcomes = await self._requests.extend(due, visibility)
            except Problem as problem:
                self._failed("keeping", problem)
                continue
            self._works("keeping")
            self.held.extend((m for m, outcome in zip(due, outcomes, strict=True) if outcome is None), until)

    async def _give_back(self) -> None:
        """At the end: what is still held is somebody else's to answer, without waiting for its visibility."""
        messages = self.held.all()
        try:
            await self._requests.release(messages)
        except Problem as problem:
            self._failed("releasing", problem)
        trouble = {part: problem.message for part, problem in self.trouble.items()}
        self._journal.warning("gave messages back unsettled", messages=len(messages), trouble=trouble)

    # -- for people

    def _failed(self, part: str, problem: Problem) -> None:
        self.counts["failures"] += 1
        known = self.trouble.get(part)
        if known is None or known.code != problem.code:  # the words differ each time where they name a key
            self._journal.warning(f"{part} fails", code=problem.code, reason=problem.message, hint=problem.hint)
        self.trouble[part] = problem

    def _works(self, part: str) -> None:
        if self.trouble.pop(part, None) is not None:
            self._journal.info(f"{part} works again")

    @staticmethod
    async def _notify(condition: asyncio.Condition) -> None:
        async with condition:
            condition.notify_all()
