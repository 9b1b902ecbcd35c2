"""Actors that tests talk to, on one node or over links."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runtime import Actor, Options, Problem, Ref, Stream, Topic, current_trace, deadline, op, remaining


class Point(msgspec.Struct, frozen=True):
    """A message of plain values."""

    x: int
    y: float
    name: str = ""


class Labelled(msgspec.Struct, frozen=True):
    """A message with arrays inside."""

    name: str
    pixels: NDArray[np.uint8]
    weights: tuple[NDArray[np.float64], ...] = ()


class NoSuchFruit(Problem):
    """A domain error that should reach a remote asker whole."""

    code = "no_such_fruit"
    status = 404


class TallyOptions(Options):
    """Where the count starts."""

    start: int = 0


class Tally(Actor[TallyOptions]):
    """Counts, publishes every total, and fails on request."""

    async def start(self) -> None:
        self._total, self._totals = self.options.start, Topic[int]()

    async def stop(self) -> None:
        self._totals.close()

    @op
    async def add(self, n: int) -> int:
        self._total += n
        self._totals.publish(self._total)
        return self._total

    @op
    async def totals(self) -> Stream[int]:
        return self._totals.subscribe()

    @op
    async def readers(self) -> int:
        return len(self._totals)

    @op
    async def fail(self, message: str) -> None:
        raise ValueError(message)


class Parrot(Actor[Options]):
    """Gives back what it gets, of every type that travels."""

    @op
    async def point(self, point: Point) -> Point:
        return point

    @op
    async def array(self, array: NDArray[Any]) -> NDArray[Any]:
        return array

    @op
    async def data(self, data: bytes) -> bytes:
        return data

    @op
    async def labelled(self, value: Labelled) -> Labelled:
        return value

    @op
    async def picture(self, height: int, width: int) -> NDArray[np.uint8]:
        return np.arange(height * width, dtype=np.uint32).astype(np.uint8).reshape(height, width)

    @op
    async def fruit(self, name: str) -> str:
        raise NoSuchFruit(f"no fruit is called {name}", hint="apple")

    @op
    async def trace(self) -> str | None:
        return current_trace()

    @op
    async def time_left(self) -> float | None:
        return remaining()


@dataclass
class Script:
    """What a `Gate` waits for, and what became of its messages."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    stubborn: bool = False


class GateOptions(Options):
    """The script is the test's own object, so it outlives restarts."""

    script: Script


class Gate(Actor[GateOptions]):
    """Handlers wait until the gate is open; a stubborn one takes a second to end when cancelled."""

    async def start(self) -> None:
        self.options.script.events.append("started")

    async def stop(self) -> None:
        self.options.script.events.append("stopped")

    @op
    async def enter(self, name: str) -> str:
        script = self.options.script
        script.running += 1
        script.most = max(script.most, script.running)
        script.events.append(f"begin {name}")
        try:
            await script.open.wait()
            script.events.append(f"end {name}")
            return name
        except asyncio.CancelledError:
            script.events.append(f"cancel {name}")
            if script.stubborn:
                await asyncio.sleep(1.0)
            raise
        finally:
            script.running -= 1

    @op
    async def note(self, name: str) -> None:
        self.options.script.events.append(name)

    @op
    async def weigh(self, data: NDArray[np.uint8]) -> int:
        await self.options.script.open.wait()
        return data.nbytes

    @op
    async def fail(self, name: str) -> None:
        self.options.script.events.append(f"fail {name}")
        raise ValueError(name)


class RelayOptions(Options):
    """Where to."""

    to: Ref[Gate]


class Relay(Actor[RelayOptions]):
    """Asks on: nested asks, call chains, refs as options and arguments."""

    @op
    async def enter(self, name: str) -> str:
        return await self.options.to.enter(name)

    @op
    async def enter_within(self, name: str, seconds: float) -> str:
        with deadline(seconds):
            return await self.options.to.enter(name)

    @op
    async def again(self, relay: Ref[Relay], left: int) -> int:
        """Ask `relay`, which asks back, until it is enough."""
        return left if left == 0 else await relay.again(self.me, left - 1)
