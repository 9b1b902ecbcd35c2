"""Stopping a node: what was accepted is finished, what is new is refused, and the end comes in time."""

from __future__ import annotations

import asyncio

import pytest

from runtime import Actor, ActorStopped, AskError, Node, Options, PeerLost
from tests.support.actors import Gate, GateOptions, Relay, RelayOptions, Script
from tests.support.nodes import edge, hub
from tests.support.simnet import Network
from tests.support.simulate import simulate


@simulate()
async def test_a_draining_node_finishes_what_it_accepted_and_refuses_the_rest(network: Network) -> None:
    script = Script()
    async with hub() as center, edge() as outer:
        await center.spawn(Gate, GateOptions(script=script))
        gate = outer.ref(Gate, "hub/gate")
        accepted = [asyncio.create_task(gate.enter(str(number))) for number in range(5)]
        await asyncio.sleep(1)
        stopping = asyncio.create_task(center.stop())
        await asyncio.sleep(1)
        with pytest.raises(ActorStopped) as caught:
            await gate.enter("late")
        assert caught.value.executed == "no"
        assert center.statistics().state == "draining"
        script.open.set()
        assert await asyncio.gather(*accepted) == [str(number) for number in range(5)]
        await stopping
        assert script.events[-1] == "stopped"
        assert "begin late" not in script.events


@simulate()
async def test_accepted_work_may_still_ask_others_while_its_node_drains(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        relay = await node.spawn(Relay, RelayOptions(to=gate), concurrency=2)
        await gate.enter.tell("first")
        asks = [asyncio.create_task(relay.enter(name)) for name in ("a", "b")]
        await asyncio.sleep(1)
        network.loop.call_later(1, script.open.set)
        await node.stop()
        assert await asyncio.gather(*asks) == ["a", "b"]


@simulate()
async def test_work_that_outlasts_the_drain_is_given_up_with_what_is_known(network: Network) -> None:
    script = Script()
    async with hub(drain=5) as center, edge() as outer:
        await center.spawn(Gate, GateOptions(script=script))
        gate = outer.ref(Gate, "hub/gate")
        running = asyncio.create_task(gate.enter("running"))
        await asyncio.sleep(1)
        waiting = asyncio.create_task(gate.enter("waiting"))
        await asyncio.sleep(1)
        before = network.loop.time()
        await center.stop()
        assert 5 <= network.loop.time() - before < 8
        with pytest.raises(AskError) as ran:
            await running
        with pytest.raises(AskError) as waited:
            await waiting
        assert (ran.value.executed, waited.value.executed) == ("unknown", "no")
        assert "begin waiting" not in script.events


@simulate()
async def test_actors_stop_in_reverse_order(network: Network) -> None:
    order: list[str] = []

    class Noted(Actor[Options]):
        async def stop(self) -> None:
            order.append(self.name)

    async with Node() as node:
        for name in ("one", "two", "three"):
            await node.spawn(Noted, name=name)
    assert order == ["three", "two", "one"]


@simulate()
async def test_a_frozen_peer_does_not_hold_up_the_stop(network: Network) -> None:
    script = Script()
    async with hub() as center, edge() as outer:
        await center.spawn(Gate, GateOptions(script=script))
        await center.wait_linked("edge")
        ask = asyncio.create_task(outer.ref(Gate, "hub/gate").enter("x"))
        await asyncio.sleep(1)
        network.freeze("edge")
        before = network.loop.time()
        await center.stop()
        assert network.loop.time() - before < 15
        network.thaw("edge")
        with pytest.raises((PeerLost, ActorStopped)):
            await ask


@simulate()
async def test_stopping_in_the_middle_of_anything_leaves_nothing(network: Network) -> None:
    """The check at the end of every run (tasks, timers, connections, listeners) is the assertion."""
    script = Script()
    async with hub(drain=1) as center, edge(drain=1) as outer:
        await center.spawn(Gate, GateOptions(script=script), concurrency=3)
        gate = outer.ref(Gate, "hub/gate")
        asks = [asyncio.create_task(gate.enter(str(number))) for number in range(10)]
        await asyncio.sleep(network.loop.random.uniform(0, 0.1))
        await asyncio.gather(center.stop(), outer.stop())
        await asyncio.gather(*asks, return_exceptions=True)
