"""What a failing actor costs: a restart, a dead letter, in the end the actor or its node; never the mailbox."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from runtime import Actor, ActorFailed, ActorStatistics, Node, OpFailed, Options, RestartPolicy, op
from tests.support.actors import Gate, GateOptions, Script, Tally, TallyOptions
from tests.support.simnet import Network
from tests.support.simulate import simulate


def only_actor(node: Node) -> ActorStatistics:
    (actor,) = node.statistics().actors
    return actor


@simulate()
async def test_an_exception_in_an_ask_is_the_askers_and_changes_nothing(network: Network) -> None:
    async with Node() as node:
        tally = await node.spawn(Tally, TallyOptions(start=40))
        with pytest.raises(OpFailed):
            await tally.fail("planted")
        assert await tally.add(2) == 42
        assert (only_actor(node).failed, only_actor(node).restarts, only_actor(node).dead_letters) == (1, 0, 0)


@simulate()
async def test_an_exception_in_a_tell_is_a_dead_letter_and_a_restart(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        await gate.fail.tell("planted")
        await gate.note("after")
        assert script.events == ["started", "fail planted", "stopped", "started", "after"]
        assert (only_actor(node).dead_letters, only_actor(node).restarts) == (1, 1)


@simulate()
async def test_the_mailbox_survives_a_restart(network: Network) -> None:
    script = Script()
    script.open.set()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        asks = []
        await gate.fail.tell("planted")
        for number in range(5):
            await gate.note.tell(str(number))
            asks.append(asyncio.create_task(gate.enter(f"ask {number}")))
        assert sorted(await asyncio.gather(*asks)) == [f"ask {number}" for number in range(5)]
        assert script.events.count("fail planted") == 1
        assert [event for event in script.events if event.isdigit()] == ["0", "1", "2", "3", "4"]


@simulate()
async def test_restarts_wait_longer_each_time(network: Network) -> None:
    times: list[float] = []

    class Falling(Actor[Options]):
        async def run(self) -> None:
            times.append(network.loop.time())
            raise ValueError("planted")

    async with Node() as node:
        await node.spawn(Falling, restart=RestartPolicy(max_restarts=5, backoff=1.0, backoff_max=8.0))
        await asyncio.sleep(60)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(waits) == 5
    for wait, longest in zip(waits, [1, 2, 4, 8, 8], strict=True):
        assert longest / 2 <= wait < longest + 0.1


@simulate()
async def test_too_many_failures_in_the_window_end_the_actor_and_its_asks(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script), restart=RestartPolicy(max_restarts=2))
        waiting = asyncio.create_task(gate.enter("waiting"))
        await asyncio.sleep(0)
        script.open.set()
        await waiting
        for number in range(3):
            await gate.fail.tell(str(number))
        last = asyncio.create_task(gate.enter("last"))
        with pytest.raises(ActorFailed) as caught:
            await last
        assert caught.value.executed == "no"
        with pytest.raises(ActorFailed):
            await gate.note.tell("later")
        assert only_actor(node).state == "failed"
        assert "gave up after 3 failures" in (only_actor(node).reason or "")
        assert node.statistics().state == "not ready"


@simulate()
async def test_failures_far_apart_never_add_up(network: Network) -> None:
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=Script()), restart=RestartPolicy(max_restarts=2, window=10))
        for number in range(8):
            await gate.fail.tell(str(number))
            await asyncio.sleep(6)
        assert (only_actor(node).state, only_actor(node).restarts) == ("ready", 8)


@simulate()
async def test_a_failing_run_restarts_the_actor_too(network: Network) -> None:
    script = Script()

    class Runner(Actor[Options]):
        async def run(self) -> None:
            script.events.append("run")
            await script.open.wait()
            if script.events.count("run") == 1:
                raise ValueError("planted")

        @op
        async def ping(self) -> None:
            script.events.append("ping")

    async with Node() as node:
        runner = await node.spawn(Runner)
        await runner.ping()
        script.open.set()
        await asyncio.sleep(5)
        await runner.ping()
        assert script.events.count("run") == 2
        assert script.events.count("ping") == 2


@simulate(seeds=10)
async def test_a_start_that_fails_fails_the_spawn(network: Network) -> None:
    class Broken(Actor[Options]):
        async def start(self) -> None:
            raise ValueError("no such disk")

    async with Node() as node:
        with pytest.raises(ValueError, match="no such disk"):
            await node.spawn(Broken)
        assert node.statistics().actors == ()


@simulate(seeds=10)
async def test_an_optional_actor_does_not_hold_readiness_back(network: Network) -> None:
    class Lame(Actor[Options]):
        def readiness(self) -> str:
            return "the model is not loaded"

    async with Node() as node:
        await node.spawn(Lame, optional=True)
        assert node.statistics().state == "ready"
        await node.spawn(Lame, name="wanted")
        assert node.readiness() == {"wanted": "the model is not loaded"}
