"""Asks, tells and streams over a link behave as on one node."""

from __future__ import annotations

import asyncio

import pytest

from runtime import (
    ActorStopped,
    DeadlineExceeded,
    NoSuchActor,
    NoSuchOp,
    OpFailed,
    Options,
    PeerLost,
    WouldDeadlock,
    deadline,
    trace,
)
from tests.contract.conftest import Wire
from tests.support.actors import Gate, GateOptions, NoSuchFruit, Parrot, Relay, RelayOptions, Script, Tally
from tests.support.leaks import eventually


async def test_both_ends_ask_each_other_over_one_link(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Tally)
        await edge.spawn(Tally)
        await hub.wait_linked("edge")
        assert await edge.ref(Tally, "hub/tally").add(2) == 2
        assert await hub.ref(Tally, "edge/tally").add(3) == 3
        await edge.ref(Tally, "hub/tally").add.tell(4)
        assert await edge.ref(Tally, "hub/tally").add(0) == 6


async def test_many_asks_at_once_each_get_their_own_answer(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options(), concurrency=8)
        parrot = edge.ref(Parrot, "hub/parrot")
        texts = [str(number).encode() * (number % 7) ** 6 for number in range(400)]
        assert await asyncio.gather(*(parrot.data(text) for text in texts)) == texts


async def test_a_domain_error_reaches_the_asker_as_its_own_class(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        with pytest.raises(NoSuchFruit, match="no fruit is called moon") as caught:
            await edge.ref(Parrot, "hub/parrot").fruit("moon")
        assert (caught.value.hint, caught.value.status) == ("apple", 404)


async def test_an_unexpected_error_reaches_the_asker_by_name(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Tally)
        with pytest.raises(OpFailed, match="planted") as caught:
            await edge.ref(Tally, "hub/tally").fail("planted")
        assert (caught.value.kind, caught.value.executed) == ("ValueError", "yes")


async def test_an_actor_or_op_that_is_not_there_is_named(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Tally)
        with pytest.raises(NoSuchActor, match="nobody"):
            await edge.ref(Tally, "hub/nobody").add(1)
        with pytest.raises(NoSuchOp, match="trace"):
            await edge.ref(Parrot, "hub/tally").trace()


async def test_a_deadline_travels_and_ends_the_handler_at_the_other_end(wire: Wire) -> None:
    script = Script()
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Gate, GateOptions(script=script))
        await hub.spawn(Parrot, Options())
        with deadline(20):
            left = await edge.ref(Parrot, "hub/parrot").time_left()
        assert left is not None
        assert 0 < left <= 20
        gate = edge.ref(Gate, "hub/gate")
        with deadline(0.3), pytest.raises(DeadlineExceeded):
            await gate.enter("slow")
        await gate.note("after")
        assert script.events == ["started", "begin slow", "cancel slow", "after"]


async def test_a_cancelled_ask_ends_the_handler_at_the_other_end(wire: Wire) -> None:
    script = Script()
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Gate, GateOptions(script=script))
        gate = edge.ref(Gate, "hub/gate")
        ask = asyncio.create_task(gate.enter("slow"))
        assert await eventually(lambda: "begin slow" in script.events)
        ask.cancel()
        await gate.note("after")
        assert script.events == ["started", "begin slow", "cancel slow", "after"]


async def test_a_call_chain_over_links_that_returns_to_itself_fails_at_once(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        gate = await hub.spawn(Gate, GateOptions(script=Script()))
        await hub.spawn(Relay, RelayOptions(to=gate), name="there")
        here = await edge.spawn(Relay, RelayOptions(to=gate), name="here")
        there = edge.ref(Relay, "hub/there")
        assert await there.again(here, 1) == 0
        with pytest.raises(WouldDeadlock):
            await here.again(there, 5)


async def test_a_trace_travels(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        with trace("0123456789abcdef"):
            assert await edge.ref(Parrot, "hub/parrot").trace() == "0123456789abcdef"


async def test_a_stream_gives_its_values_in_order_and_forgets_a_reader_that_closes(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        tally = await hub.spawn(Tally)
        totals = await edge.ref(Tally, "hub/tally").totals()
        for _ in range(200):
            await tally.add(1)
        assert [await anext(totals) for _ in range(200)] == list(range(1, 201))
        assert await tally.readers() == 1
        await totals.aclose()
        assert await eventually(lambda: _unread(tally))


async def _unread(tally: Tally) -> bool:
    return await tally.readers() == 0


async def test_a_stopping_node_tells_its_peers_and_finishes_what_it_accepted(wire: Wire) -> None:
    script = Script()
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Gate, GateOptions(script=script))
        gate = edge.ref(Gate, "hub/gate")
        accepted = asyncio.create_task(gate.enter("accepted"))
        assert await eventually(lambda: script.running == 1)
        stopping = asyncio.create_task(hub.stop())
        assert await eventually(lambda: any(link.reason == "stopping" for link in edge.statistics().links))
        with pytest.raises(ActorStopped) as refused:
            await gate.enter("late")
        assert refused.value.executed == "no"
        script.open.set()
        assert await accepted == "accepted"
        await stopping


async def test_an_ask_under_way_on_a_lost_link_ends_in_peer_lost(wire: Wire) -> None:
    script = Script()
    async with wire.hub() as hub:
        async with wire.edge(hub, drain=0.1) as edge:
            await edge.spawn(Gate, GateOptions(script=script))
            await hub.wait_linked("edge")
            gate = hub.ref(Gate, "edge/gate")
            ask = asyncio.create_task(gate.enter("x"))
            assert await eventually(lambda: script.running == 1)
            (session,) = edge.links.sessions()
            session.connection.close("the test pulled the plug")
        with pytest.raises(PeerLost) as caught:
            await ask
        assert caught.value.executed == "unknown"
        await hub.wait_lost(gate)
