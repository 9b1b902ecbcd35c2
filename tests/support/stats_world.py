"""The world of a simulated statistics service: queue and store as twins, and servers that come and go."""

from __future__ import annotations

import asyncio
import itertools
import random  # seeded by the simulation
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from actors.stats import actor as stats_actor
from actors.stats.actor import Stats, StatsOptions
from actors.stats.log.segments import append
from runtime import Node
from tests.support.nodes import on
from tests.support.script import virtual_wall
from tests.support.scripted_queue import Kind, ScriptedQueues
from tests.support.scripted_store import ScriptedStores
from tests.support.simnet import Network
from tests.support.stats import Asked, Ledger

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
