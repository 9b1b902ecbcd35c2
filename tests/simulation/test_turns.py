"""One message at a time, in order; mailboxes that are bounded."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from runtime import DeadlineExceeded, MailboxPolicy, Node, Overloaded, deadline
from tests.support.actors import Gate, GateOptions, Script
from tests.support.simnet import Network
from tests.support.simulate import simulate


async def full_gate(node: Node, script: Script, policy: MailboxPolicy) -> Gate:
    """A gate with one message running and its mailbox of two full."""
    gate = await node.spawn(Gate, GateOptions(script=script), mailbox=policy)
    for name in ("one", "two", "three"):
        await gate.enter.tell(name)
        await asyncio.sleep(0.01)
    return gate


@simulate()
async def test_an_actor_handles_one_message_at_a_time(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        asks = [asyncio.create_task(gate.enter(str(number))) for number in range(5)]
        await asyncio.sleep(1)
        assert script.running == 1
        script.open.set()
        await asyncio.gather(*asks)
        assert script.most == 1


@simulate()
async def test_messages_start_in_the_order_they_were_sent(network: Network) -> None:
    script = Script()
    script.open.set()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        for number in range(20):
            await gate.note.tell(str(number))
        await gate.note("last")
        assert script.events == ["started", *map(str, range(20)), "last"]


@simulate()
async def test_concurrency_runs_that_many_and_no_more(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script), concurrency=3)
        asks = [asyncio.create_task(gate.enter(str(number))) for number in range(8)]
        await asyncio.sleep(1)
        assert script.running == 3
        script.open.set()
        await asyncio.gather(*asks)
        assert script.most == 3


@simulate()
async def test_an_asker_of_a_full_mailbox_waits_and_is_served_in_its_turn(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await full_gate(node, script, MailboxPolicy(messages=2))
        late = asyncio.create_task(gate.enter("late"))
        await asyncio.sleep(1)
        assert not late.done()
        script.open.set()
        assert await late == "late"
        assert [event for event in script.events if event.startswith("end")] == [
            "end one", "end two", "end three", "end late",
        ]  # fmt: skip


@simulate()
async def test_an_asker_of_a_full_mailbox_waits_no_longer_than_its_deadline(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await full_gate(node, script, MailboxPolicy(messages=2))
        with deadline(5), pytest.raises(DeadlineExceeded) as caught:
            await gate.enter("late")
        assert caught.value.executed == "no"
        script.open.set()
        await gate.note("after")
        assert "begin late" not in script.events


@simulate()
async def test_a_rejecting_mailbox_refuses_at_once(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await full_gate(node, script, MailboxPolicy(messages=2, full="reject"))
        before = network.loop.time()
        with pytest.raises(Overloaded) as caught:
            await gate.enter("late")
        assert caught.value.executed == "no"
        assert network.loop.time() == before
        script.open.set()


@simulate()
async def test_a_dropping_mailbox_gives_up_its_oldest(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script), mailbox=MailboxPolicy(messages=1, full="drop_oldest"))
        await gate.enter.tell("running")
        await asyncio.sleep(0.1)
        oldest = asyncio.create_task(gate.enter("oldest"))
        await asyncio.sleep(0.1)
        newest = asyncio.create_task(gate.enter("newest"))
        with pytest.raises(Overloaded):
            await oldest
        script.open.set()
        assert await newest == "newest"
        assert "begin oldest" not in script.events


@simulate()
async def test_a_tell_to_a_full_mailbox_waits_the_nodes_default_and_is_refused(network: Network) -> None:
    script = Script()
    async with Node(default_deadline=7) as node:
        gate = await full_gate(node, script, MailboxPolicy(messages=2))
        before = network.loop.time()
        with pytest.raises(Overloaded):
            await gate.enter.tell("late")
        assert network.loop.time() - before == pytest.approx(7)
        script.open.set()
        await gate.note("after")
        assert "begin late" not in script.events


@simulate()
async def test_a_mailbox_is_bounded_in_bytes(network: Network) -> None:
    script = Script()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script), mailbox=MailboxPolicy(bytes=2000))
        asks = [asyncio.create_task(gate.weigh(np.zeros(900, np.uint8))) for _ in range(6)]
        await asyncio.sleep(1)
        assert node.statistics().actors[0].mailbox_bytes <= 2000
        script.open.set()
        assert await asyncio.gather(*asks) == [900] * 6


@simulate()
async def test_a_message_larger_than_the_mailbox_passes_when_it_is_empty(network: Network) -> None:
    script = Script()
    script.open.set()
    async with Node() as node:
        gate = await node.spawn(Gate, GateOptions(script=script), mailbox=MailboxPolicy(bytes=2000))
        assert await gate.weigh(np.zeros(5000, np.uint8)) == 5000


@simulate()
async def test_cpu_work_leaves_the_loop_to_others(network: Network) -> None:
    script = Script()
    script.open.set()
    async with Node(executor_threads=1) as node:
        gate = await node.spawn(Gate, GateOptions(script=script))
        work = [asyncio.create_task(node.offload(sum, range(10))) for _ in range(4)]
        assert await gate.enter("meanwhile") == "meanwhile"
        assert await asyncio.gather(*work) == [45] * 4
