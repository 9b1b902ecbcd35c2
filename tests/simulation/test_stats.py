"""The statistics service on twins of queue and store, through kills, freezes, restarts and failures at seeded times."""

from __future__ import annotations

import asyncio
import itertools
import random  # seeded by the simulation
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from actors.kit.queues.base import QueueDenied, QueueUnavailable
from actors.stats import actor as stats_actor
from actors.stats.actor import Stats, StatsOptions
from actors.stats.log.segments import append
from runtime import Node
from tests.support.nodes import on
from tests.support.script import Chances, virtual_wall
from tests.support.scripted_queue import Kind, ScriptedQueues
from tests.support.scripted_store import ScriptedStores
from tests.support.simnet import Network
from tests.support.simulate import simulate
from tests.support.stats import Asked, Ledger, unmerged

KINDS: tuple[Kind, ...] = ("sqlite", "sqs")
VISIBILITY = 30.0
SETTLED = 300.0  # virtual seconds in which all is answered once faults are over; never reached when well


class World:
    """One queue server, one store, and servers that come and go, each on a host of its own."""

    def __init__(self, network: Network) -> None:
        self.queues = ScriptedQueues(random.choice(KINDS))
        self.stores = ScriptedStores()
        self.ledger = Ledger()
        self._network = network
        self._servers: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._names = (f"s{number}" for number in itertools.count())

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Actors started meanwhile work on this world's twins."""
        with (
            mock.patch.object(stats_actor, "open_broker", return_value=self.queues.broker()),
            mock.patch.object(stats_actor, "open_store", return_value=self.stores.store()),
            mock.patch.dict(append.__kwdefaults__, wall=virtual_wall),
        ):
            yield

    def start(self) -> None:
        """One more server."""
        name, leave = next(self._names), asyncio.Event()
        self._servers[name] = on(name, _serve(name, leave)), leave

    def kill(self) -> None:
        """A server is gone, as by kill -9."""
        name = self._drawn()
        del self._servers[name]
        self._network.kill(name)

    async def stop(self) -> None:
        """A server drains, as on SIGTERM."""
        name = self._drawn()
        task, leave = self._servers.pop(name)
        leave.set()
        await task

    async def freeze(self, seconds: float) -> None:
        """A server stands still, and does not know."""
        name = self._drawn()
        self._network.freeze(name)
        await asyncio.sleep(seconds)
        self._network.thaw(name)

    async def send(self, messages: int) -> None:
        """Messages from a client whose own calls never fail."""
        for asked in (Asked.drawn(random.Random(random.random())) for _ in range(messages)):
            self.ledger.sent[self.queues.put(self.ledger.names.requests, asked.draft)] = asked

    async def settled(self) -> None:
        """Wait until nothing is left to answer."""
        broker = self.queues.broker()
        async with asyncio.timeout(SETTLED):
            while any(await self.ledger.left(broker)):  # noqa: ASYNC110 (virtual time)
                await asyncio.sleep(1.0)

    async def end(self) -> None:
        """Faults are over: every message is answered, the servers stop, the log is whole, and so was promised."""
        self.queues.script.calm()
        self.stores.script.calm()
        await self.settled()
        await asyncio.sleep(4 * VISIBILITY)  # slow calls that were under way are through
        while self._servers:
            await self.stop()
        assert self.queues.cancelled_receives == 0
        await self.ledger.check(self.queues.broker(), self.stores.store())

    def hidden(self) -> int:
        """Requests nobody else could receive now."""
        now = asyncio.get_running_loop().time()
        shelf = self.queues.shelves[self.ledger.names.requests]
        return sum(stored.visible_at > now for stored in shelf.messages.values())

    def _drawn(self) -> str:
        return random.choice(list(self._servers))


async def _serve(name: str, leave: asyncio.Event) -> None:
    async with Node(name) as node:
        await node.spawn(Stats, StatsOptions(queue="twin:", store="twin:", visibility=VISIBILITY), name="stats")
        await leave.wait()


async def trouble(world: World) -> None:
    """One thing after another, at seeded times."""
    for _ in range(random.randint(1, 6)):
        await asyncio.sleep(random.choice([0.05, 1.0, 20.0]) * random.random())
        script = random.choice([world.queues.script, world.stores.script])
        match random.choice(["kill", "kill", "restart", "freeze", "down", "flaky", "slow"]):
            case "kill":
                world.kill()
                world.start()
            case "restart":
                world.start()
                await world.stop()
            case "freeze":
                await world.freeze(random.uniform(0.0, 3 * VISIBILITY))
            case "down":
                await script.down_for(random.uniform(0.0, 2 * VISIBILITY))
            case "flaky":
                script.chances = Chances(fails=0.1, lost=0.1, entry=0.2, longest=random.choice([0.1, 5.0]))
            case _:
                world.stores.script.slow("put", random.uniform(0.0, 2 * VISIBILITY))


@simulate(seeds=60, limit=5000.0)
async def test_whatever_happens_every_message_is_answered_alike_and_logged_once(network: Network) -> None:
    world = World(network)
    with world.installed():
        for _ in range(random.randint(1, 3)):
            world.start()
        troubles = asyncio.create_task(trouble(world))
        for _ in range(random.randint(1, 8)):
            await world.send(random.choice([1, 3, 30]))
            await asyncio.sleep(random.choice([0.0, 0.3, 10.0]) * random.random())
        await troubles
        await world.end()


@simulate(seeds=20, limit=5000.0)
async def test_work_slower_than_the_visibility_is_done_once(network: Network) -> None:
    world = World(network)
    with world.installed():
        world.start()
        world.start()
        await world.send(30)
        world.stores.script.slow("put", 3.5 * VISIBILITY)
        await asyncio.sleep(4 * VISIBILITY)
        world.stores.script.calm()
        await world.end()
        assert {world.queues.receives[request] for request in world.ledger.sent} == {1}


@simulate(seeds=20, limit=5000.0)
async def test_a_store_that_is_down_for_long_costs_no_message_a_receive(network: Network) -> None:
    world = World(network)
    with world.installed():
        world.start()
        await world.send(3)
        await world.settled()
        down = asyncio.create_task(world.stores.script.down_for(20 * VISIBILITY))
        for _ in range(20):
            await world.send(5)
            await asyncio.sleep(random.random() * VISIBILITY)
        await down
        await world.end()
        assert {world.queues.receives[request] for request in world.ledger.sent} == {1}


@simulate(seeds=20, limit=5000.0)
async def test_a_stop_at_any_moment_leaves_nothing_hidden(network: Network) -> None:
    world = World(network)
    world.queues.script.chances = Chances(longest=0.5)
    world.stores.script.chances = Chances(longest=0.5)
    with world.installed():
        world.start()
        for _ in range(random.randint(1, 5)):
            await world.send(random.choice([1, 30]))
            await asyncio.sleep(random.random())
        await world.stop()
        assert world.hidden() == 0
        world.start()
        await world.end()


@simulate(seeds=10, limit=5000.0)
async def test_a_stop_while_the_store_is_down_gives_messages_back(network: Network) -> None:
    world = World(network)
    with world.installed():
        world.start()
        await world.send(3)
        await world.settled()
        world.stores.script.down = True
        await world.send(30)
        await asyncio.sleep(random.random() * 5)
        await world.stop()
        assert world.hidden() == 0
        world.stores.script.calm()
        world.start()
        await world.end()


@simulate(seeds=5, limit=5000.0)
async def test_fifty_rolling_restarts_strand_nothing_and_make_no_dead_letters(network: Network) -> None:
    world = World(network)
    world.queues.script.chances = Chances(longest=0.2)
    with world.installed():
        world.start()
        for _ in range(50):
            world.start()
            await world.send(10)
            await asyncio.sleep(random.random())
            await world.stop()
        await world.end()


@simulate(seeds=10, limit=5000.0)
async def test_failures_of_the_queue_are_waited_out_with_few_requests(network: Network) -> None:
    world = World(network)
    script = world.queues.script
    with world.installed():
        world.start()
        await world.send(30)
        await asyncio.sleep(1.0)
        problem = random.choice([QueueUnavailable("throttled"), QueueDenied("the token has expired")])
        script.problem = lambda: problem
        before = script.calls["receive"]
        await script.down_for(600.0)
        assert script.calls["receive"] - before < 100
        await world.send(30)
        await world.end()


@simulate(seeds=10, limit=5000.0)
async def test_a_lost_answer_to_a_settlement_makes_like_copies_and_one_line_in_the_log(network: Network) -> None:
    world = World(network)
    with world.installed():
        for name in ("settle", "answer", "delete"):
            world.queues.script.lose(name, calls=2)
        world.stores.script.lose("put", calls=2)
        world.start()
        await world.send(20)
        await world.end()


@simulate(seeds=10, limit=5000.0)
async def test_segments_are_merged_while_servers_work_on(network: Network) -> None:
    world = World(network)
    with world.installed():
        world.start()
        world.start()
        for _ in range(10):
            await world.send(10)
            await asyncio.sleep(random.random())
        await world.settled()
        async with asyncio.timeout(SETTLED):
            while await unmerged(world.stores.store()):  # noqa: ASYNC110 (virtual time)
                await asyncio.sleep(1.0)
        await world.end()
