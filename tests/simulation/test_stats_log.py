"""The log through kills, freezes and failures at seeded times: writers, mergers and readers at once."""

from __future__ import annotations

import asyncio
import itertools
import random  # seeded by the simulation
from contextlib import suppress

from actors.kit.stores.base import StoreUnavailable
from actors.stats.log.merge import LogMerger
from actors.stats.log.pace import MergePace
from actors.stats.log.read import days, read_day
from actors.stats.log.records import LogRecord, day_of, shown_time
from actors.stats.log.segments import SEGMENTS, day_in
from tests.support.nodes import on
from tests.support.script import EPOCH, Chances
from tests.support.scripted_store import ScriptedStores
from tests.support.simnet import Network
from tests.support.simulate import simulate

SMALL = MergePace(gather=0.5, rest=1.0, least=500, batch=1500, most=4)
FULL_SOON = MergePace(gather=0.5, rest=1.0, least=500, batch=3000, day=1500, most=4)  # after a handful of messages
SLOW = Chances(longest=1.0)  # so that nodes meet in the middle of their merges
NEAR_MIDNIGHT = (int(EPOCH) // 86_400 + 1) * 86_400_000 - 30_000


class World:
    """One store; what was logged and acknowledged, and nodes that log and merge."""

    def __init__(self, network: Network, pace: MergePace) -> None:
        self.stores = ScriptedStores()
        self.stores.script.chances = SLOW
        self.acknowledged: dict[str, LogRecord] = {}
        self.begun: set[str] = set()
        self._network = network
        self._pace = pace
        self._names = (f"n{number}" for number in itertools.count())
        self._nodes: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}

    def start(self) -> None:
        name, stop = next(self._names), asyncio.Event()
        self._nodes[name] = on(name, self._node(name, stop)), stop

    def kill(self) -> None:
        name = random.choice(list(self._nodes))
        del self._nodes[name]
        self._network.kill(name)

    async def freeze(self, seconds: float) -> None:
        name = random.choice(list(self._nodes))
        self._network.freeze(name)
        await asyncio.sleep(seconds)
        self._network.thaw(name)

    async def stop(self) -> None:
        name = random.choice(list(self._nodes))
        task, stop = self._nodes.pop(name)
        stop.set()
        await task

    async def end(self) -> None:
        """Faults are over; every node stops in its own time."""
        self.stores.script.calm()
        while self._nodes:
            await self.stop()

    async def read(self) -> list[LogRecord]:
        """The whole log, as `stats-log` prints it."""
        store = self.stores.store()
        return [record for day in await days(store) async for record in read_day(store, day)]

    def check(self, read: list[LogRecord], promised: dict[str, LogRecord]) -> None:
        """In order, each once, nothing that was never logged, and all that was promised."""
        assert read == sorted(read, key=lambda record: (shown_time(record.sent_at), record.request))
        found = {record.request: record for record in read}
        assert len(found) == len(read)
        assert found.keys() <= self.begun
        assert promised.items() <= found.items()

    async def _node(self, name: str, stop: asyncio.Event) -> None:
        merger = LogMerger(self.stores.store(), pace=self._pace)
        written = asyncio.Event()
        merging = on(name, merger.run(written))
        for number in itertools.count():
            if stop.is_set():
                break
            await self._log(merger, [_record(f"{name}-{number}-{each}") for each in range(random.randint(1, 3))])
            await asyncio.sleep(random.choice([0.0, 1.0, 5.0]) * random.random())
        written.set()
        await merging

    async def _log(self, merger: LogMerger, records: list[LogRecord]) -> None:
        """Until they are acknowledged; now and then once more, as a message that came back is."""
        self.begun |= {record.request for record in records}
        for again in (False, True):
            if again and random.random() < 0.8:
                return
            while True:
                try:
                    await merger.append(records)
                except StoreUnavailable:
                    await asyncio.sleep(random.random())
                else:
                    break
            self.acknowledged |= {record.request: record for record in records}


def _record(request: str) -> LogRecord:
    sent_at = NEAR_MIDNIGHT + int(asyncio.get_running_loop().time() * 1000) - random.randrange(5000)
    return LogRecord(request, sent_at, "1 2", '{"request":"' + request + '"}')


async def trouble(world: World) -> None:
    """One thing after another, at seeded times, while somebody reads now and then."""
    for _ in range(random.randint(2, 12)):
        await asyncio.sleep(random.choice([0.05, 1.0, 20.0]) * random.random())
        match random.choice(["kill", "restart", "freeze", "down", "flaky", "read", "read", "read"]):
            case "kill":
                world.kill()
                world.start()
            case "restart":
                world.start()
                await world.stop()
            case "freeze":
                await world.freeze(random.uniform(0.0, 60.0))
            case "down":
                await world.stores.script.down_for(random.uniform(0.0, 40.0))
            case "flaky":
                world.stores.script.chances = Chances(fails=0.1, lost=0.1, longest=random.choice([0.1, 5.0]))
            case _:
                promised = dict(world.acknowledged)
                with suppress(StoreUnavailable):
                    world.check(await world.read(), promised)


async def story(network: Network, pace: MergePace) -> World:
    world = World(network, pace)
    for _ in range(random.randint(2, 4)):
        world.start()
    await trouble(world)
    await world.end()
    world.check(await world.read(), world.acknowledged)
    return world


@simulate(40)
async def test_whatever_happens_an_acknowledged_record_is_logged_once_in_the_object_of_its_day(
    network: Network,
) -> None:
    world = await story(network, SMALL)
    whole = {day_in(key): kept.data for key, kept in world.stores.objects.items()}
    assert [key for key in world.stores.objects if key.startswith(SEGMENTS)] == []
    for record in world.acknowledged.values():
        assert whole[day_of(record)].count(f'"request":"{record.request}","sent_at"'.encode()) == 1


@simulate(40)
async def test_a_day_that_is_full_loses_nothing_either(network: Network) -> None:
    await story(network, FULL_SOON)
