"""The actor both twins talk to."""

from __future__ import annotations

from runtime import Actor, Options, Stream, Topic, op


class TallyOptions(Options):
    start: int = 0


class Tally(Actor[TallyOptions]):
    async def start(self) -> None:
        self._total, self._totals = self.options.start, Topic[int]()

    @op
    async def add(self, n: int, *, times: int = 1) -> int:
        self._total += n * times
        self._totals.publish(self._total)
        return self._total

    @op
    async def add_twice(self, n: int) -> int:
        await self.add(n)
        return await self.add(n)

    @op
    async def totals(self) -> Stream[int]:
        return self._totals.subscribe()


class Other(Actor[Options]):
    @op
    async def greet(self, tally: Tally) -> str:
        return f"hello, {await tally.add(1)}"
