"""Every ask ends in a value or a typed error, within its deadline."""

from __future__ import annotations

import asyncio

import pytest

from runtime import (
    ActorStopped,
    DeadlineExceeded,
    Node,
    NoSuchActor,
    OpFailed,
    Options,
    WouldDeadlock,
    deadline,
    trace,
)
from tests.support.actors import Gate, GateOptions, Parrot, Relay, RelayOptions, Script, Tally
from tests.support.simnet import Network
from tests.support.simulate import simulate


@simulate()
async def test_an_ask_without_a_deadline_gets_the_nodes_default(network: Network) -> None:
    async with Node(default_deadline=7) as node:
        gate = await node.spawn(Gate, GateOptions(script=Script()))
        before = network.loop.time()
        with pytest.raises(DeadlineExceeded) as caught:
            await gate.enter("x")
        assert network.loop.time() - before == pytest.approx(7)
        assert caught.value.executed == "unknown"


@simulate()
async def test_an_inner_deadline_only_shortens(network: Network) -> None:
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=Script()))
        before = network.loop.time()
        with deadline(3), deadline(100), pytest.raises(DeadlineExceeded):
            await gate.enter("x")
        assert network.loop.time() - before == pytest.approx(3)


@simulate()
async def test_an_outermost_deadline_may_be_longer_than_the_default(network: Network) -> None:
    script = Script()
    async with Node(default_deadline=1) as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        network.loop.call_later(50, script.open.set)
        with deadline(100):
            assert await gate.enter("x") == "x"


@simulate()
async def test_nested_asks_inherit_what_remains(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        relay = await node.spawn(Relay, RelayOptions(to=gate))
        with deadline(5), pytest.raises(DeadlineExceeded):
            await relay.enter("x")
        await asyncio.sleep(0.1)
        assert script.events[-1] == "cancel x"


@simulate()
async def test_expired_work_is_never_begun(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        first = asyncio.create_task(gate.enter("first"))
        await asyncio.sleep(0.1)
        with deadline(1), pytest.raises(DeadlineExceeded) as caught:
            await gate.enter("second")
        assert caught.value.executed == "no"
        script.open.set()
        await first
        await gate.note("after")
        assert "begin second" not in script.events


@simulate()
async def test_a_cancelled_ask_cancels_its_handler(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        ask = asyncio.create_task(gate.enter("x"))
        await asyncio.sleep(1)
        ask.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ask
        await gate.note("after")
        assert script.events == ["started", "begin x", "cancel x", "after"]


@simulate()
async def test_a_cancelled_handler_keeps_its_slot_until_it_has_really_ended(network: Network) -> None:
    script = Script(stubborn=True)
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        with deadline(1), pytest.raises(DeadlineExceeded):
            await gate.enter("first")
        before = network.loop.time()
        await gate.note("after")
        assert network.loop.time() - before == pytest.approx(1.0)
        assert script.events == ["started", "begin first", "cancel first", "after"]


@simulate()
async def test_an_actor_survives_what_its_askers_do(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script), concurrency=2)

        async def one(number: int) -> None:
            with deadline(network.loop.random.uniform(0, 2)):
                await gate.enter(str(number))

        asks = [asyncio.create_task(one(number)) for number in range(20)]
        for ask in asks:
            network.loop.call_later(network.loop.random.uniform(0, 2), ask.cancel)
        network.loop.call_later(network.loop.random.uniform(0, 2), script.open.set)
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), DeadlineExceeded, asyncio.CancelledError}
        await asyncio.sleep(2)
        assert await gate.enter("after") == "after"
        assert node.statistics().actors[0].restarts == 0


@simulate()
async def test_an_ask_into_its_own_call_chain_fails_at_once(network: Network) -> None:
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=Script()))
        one = await node.spawn(Relay, RelayOptions(to=gate), name="one")
        two = await node.spawn(Relay, RelayOptions(to=gate), name="two")
        before = network.loop.time()
        with pytest.raises(WouldDeadlock) as caught:
            await one.again(two, 3)
        assert caught.value.executed == "no"
        assert network.loop.time() - before < 1


@simulate(seeds=10)
async def test_every_other_ending_of_an_ask_is_a_typed_error_too(network: Network) -> None:
    async with Node() as node:
        tally = await node.spawn(Tally)
        with pytest.raises(OpFailed, match="planted") as failed:
            await tally.fail("planted")
        assert (failed.value.kind, failed.value.executed) == ("ValueError", "yes")
        with pytest.raises(NoSuchActor):
            await node.ref(Tally, "nobody").add(1)
        with pytest.raises(AttributeError, match="a ref reaches ops only"):
            _ = tally.options
    with pytest.raises(ActorStopped) as stopped:
        await tally.add(1)
    assert stopped.value.executed == "no"


@simulate(seeds=10)
async def test_a_trace_travels_with_every_nested_ask(network: Network) -> None:
    async with Node() as node:
        parrot = await node.spawn(Parrot, Options())
        with trace("0123456789abcdef"):
            assert await parrot.trace() == "0123456789abcdef"
        assert await parrot.trace() is not None
