"""The faults a test plans for its twins of queue and store: each call of a twin asks what becomes of it.

A call fails before anything was done, or is done and its answer is lost, or takes long; an entry of a batch can fail
alone. Times are in seconds of the running loop, so faults play in virtual time too.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from runtime.errors import Problem

Fails = Callable[[], Exception]
EPOCH = 1_700_000_000.0  # when the loop's clock was at zero, in seconds since 1970


@dataclass
class Chances:
    """How likely each call is to fail, to be done without an answer, and each entry of a batch to fail alone."""

    fails: float = 0.0
    lost: float = 0.0
    entry: float = 0.0
    longest: float = 0.0  # seconds a call may take on its way, each way


@dataclass
class Plan:
    """The next `calls` calls of `name` (any, if empty) fail with `problem`, after being done where `done`."""

    name: str
    calls: int
    problem: Fails
    done: bool = False


@dataclass
class Script:
    """What happens to calls; with nothing planned each is done and answered at once. `problem` is the usual failure."""

    problem: Callable[[], Problem]
    chances: Chances = field(default_factory=Chances)
    calls: Counter[str] = field(default_factory=Counter)  # calls that were begun, by name
    down: bool = False
    _plans: list[Plan] = field(default_factory=list)
    _slow: dict[str, float] = field(default_factory=dict)

    def fail(self, name: str = "", calls: int = 1, problem: Fails | None = None) -> None:
        """The next `calls` calls do nothing and raise."""
        self._plans.append(Plan(name, calls, problem or self.problem))

    def lose(self, name: str = "", calls: int = 1) -> None:
        """The next `calls` calls are done, and raise."""
        self._plans.append(Plan(name, calls, self.problem, done=True))

    def slow(self, name: str, seconds: float) -> None:
        """Every call of `name` takes so long on its way there."""
        self._slow[name] = seconds

    async def down_for(self, seconds: float) -> None:
        """Every call fails for so long."""
        self.down = True
        await asyncio.sleep(seconds)
        self.down = False

    def calm(self) -> None:
        """Faults are over."""
        self.chances, self.down = Chances(), False
        self._plans.clear()
        self._slow.clear()

    @asynccontextmanager
    async def call(self, name: str) -> AsyncIterator[None]:
        """One call: its way there, what the body does at once, and its way back."""
        self.calls[name] += 1
        await self._travel(self._slow.get(name, 0.0))
        plan = self._planned(name)
        if self.down or random.random() < self.chances.fails or (plan is not None and not plan.done):
            raise plan.problem() if plan is not None else self.problem()
        yield
        await self._travel()
        if plan is not None or random.random() < self.chances.lost:
            raise self.problem()

    def entry_fails(self) -> Problem | None:
        """Whether one entry of a batch fails while the others are done."""
        return self.problem() if random.random() < self.chances.entry else None

    async def _travel(self, seconds: float = 0.0) -> None:
        if seconds or self.chances.longest:
            await asyncio.sleep(seconds + random.random() ** 3 * self.chances.longest)

    def _planned(self, name: str) -> Plan | None:
        plan = next((each for each in self._plans if each.name in ("", name)), None)
        if plan is not None:
            plan.calls -= 1
            if not plan.calls:
                self._plans.remove(plan)
        return plan


def virtual_wall() -> float:
    """Seconds since 1970 by the running loop's clock."""
    return EPOCH + asyncio.get_running_loop().time()
