"""Credit, budgets and streams: who waits for whom, and who does not."""

from __future__ import annotations

import asyncio
from unittest import mock

import numpy as np
import pytest

from runtime import DeadlineExceeded, MailboxPolicy, Node, Options, Overloaded, PeerLost, deadline
from runtime.wire.frame import INLINE, Kind, encode
from runtime.wire.handshake import WINDOW
from tests.support.actors import Gate, GateOptions, Parrot, Script, Tally
from tests.support.nodes import edge, hub
from tests.support.simnet import Network
from tests.support.simulate import simulate

MEGABYTE = 1 << 20


def waiting_at(node: Node) -> int:
    (actor,) = node.statistics().actors
    return actor.mailbox + actor.busy


@simulate(seeds=30)
async def test_a_peer_sends_no_more_than_its_credit_and_waits_on_its_own_side(network: Network) -> None:
    script = Script()
    async with hub() as center, edge() as outer:
        await center.spawn(Gate, GateOptions(script=script))
        gate = outer.ref(Gate, "hub/gate")
        asks = [asyncio.create_task(gate.enter(str(number))) for number in range(WINDOW + 200)]
        await asyncio.sleep(2)
        assert waiting_at(center) <= WINDOW + 1
        script.open.set()
        assert len(await asyncio.gather(*asks)) == WINDOW + 200


@simulate(seeds=30)
async def test_an_ask_that_expires_for_want_of_credit_never_ran(network: Network) -> None:
    script = Script()
    async with hub() as center, edge() as outer:
        await center.spawn(Gate, GateOptions(script=script))
        gate = outer.ref(Gate, "hub/gate")
        for number in range(WINDOW):
            await gate.note.tell(str(number))
        blocked = asyncio.create_task(gate.enter("blocked"))
        await asyncio.sleep(1)
        script.events.clear()
        tells = [asyncio.create_task(gate.note.tell("more")) for _ in range(WINDOW)]
        await asyncio.sleep(1)
        with deadline(3), pytest.raises(DeadlineExceeded) as caught:
            await gate.enter("late")
        assert caught.value.executed == "no"
        script.open.set()
        await asyncio.gather(blocked, *tells)
        await gate.note("after")
        assert "begin late" not in script.events


@simulate(seeds=30)
async def test_a_busy_actor_holds_up_no_other_on_the_same_link(network: Network) -> None:
    script = Script()
    async with hub() as center, edge() as outer:
        await center.spawn(Gate, GateOptions(script=script))
        await center.spawn(Tally)
        gate, tally = outer.ref(Gate, "hub/gate"), outer.ref(Tally, "hub/tally")
        asks = [asyncio.create_task(gate.enter(str(number))) for number in range(2 * WINDOW)]
        await asyncio.sleep(1)
        before = network.loop.time()
        assert await tally.add(1) == 1
        assert network.loop.time() - before < 0.2
        script.open.set()
        await asyncio.gather(*asks)


@simulate(seeds=10)
async def test_a_large_picture_never_delays_a_small_ask(network: Network) -> None:
    picture = np.zeros(20 * MEGABYTE, np.uint8)
    async with hub() as center, edge() as outer:
        await center.spawn(Parrot, Options(), concurrency=4, mailbox=MailboxPolicy(bytes=64 * MEGABYTE))
        parrot = outer.ref(Parrot, "hub/parrot")
        await parrot.data(b"")
        large = asyncio.create_task(parrot.array(picture))
        longest = 0.0
        while not large.done():
            before = network.loop.time()
            await parrot.data(b"small")
            longest = max(longest, network.loop.time() - before)
        assert (await large).nbytes == picture.nbytes
        assert longest < 0.25


@simulate(seeds=20)
async def test_bodies_never_take_more_than_the_nodes_budget(network: Network) -> None:
    most = 0
    async with hub(body_budget=3 * MEGABYTE) as center, edge() as outer:
        await center.spawn(Parrot, Options(), concurrency=8)
        parrot = outer.ref(Parrot, "hub/parrot")
        asks = [asyncio.create_task(parrot.array(np.full(MEGABYTE, n, np.uint8))) for n in range(12)]
        while not all(ask.done() for ask in asks):
            most = max(most, center.statistics().budget_used)
            await asyncio.sleep(0.01)
        for number, ask in enumerate(asks):
            assert (await ask)[0] == number
        assert 0 < most <= 3 * MEGABYTE
        assert center.statistics().budget_used == 0


@simulate(seeds=20)
async def test_a_body_larger_than_the_budget_is_refused_unsent(network: Network) -> None:
    async with hub(body_budget=MEGABYTE) as center, edge() as outer:
        await center.spawn(Parrot, Options())
        parrot = outer.ref(Parrot, "hub/parrot")
        with pytest.raises(Overloaded) as caught:
            await parrot.array(np.zeros(2 * MEGABYTE, np.uint8))
        assert caught.value.executed == "no"
        assert sum(link.bytes_in for link in center.statistics().links) < INLINE
        assert await parrot.data(b"still here") == b"still here"


@simulate(seeds=20)
async def test_an_asker_that_goes_away_gives_its_budget_back(network: Network) -> None:
    async with hub(body_budget=4 * MEGABYTE) as center, edge() as outer:
        await center.spawn(Parrot, Options(), concurrency=8)
        parrot = outer.ref(Parrot, "hub/parrot")
        asks = [asyncio.create_task(parrot.array(np.zeros(MEGABYTE, np.uint8))) for _ in range(8)]
        for ask in asks:
            await asyncio.sleep(network.loop.random.uniform(0, 0.05))
            ask.cancel()
        await asyncio.gather(*asks, return_exceptions=True)
        await asyncio.sleep(1)
        assert center.statistics().budget_used == 0
        assert outer.statistics().budget_used == 0
        assert (await parrot.array(np.ones(MEGABYTE, np.uint8))).all()


@simulate(seeds=20)
async def test_an_answer_that_nobody_waits_for_any_more_writes_nowhere(network: Network) -> None:
    async with hub() as center, edge() as outer:
        await center.spawn(Parrot, Options())
        parrot = outer.ref(Parrot, "hub/parrot")
        rows = np.zeros((1024, 2048), np.uint8)
        placed = asyncio.Event()

        def place(
            index: int, dtype: np.dtype[np.uint8], shape: tuple[int, ...]
        ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
            placed.set()
            return rows

        ask = asyncio.create_task(parrot.picture.into(place)(1024, 2048))
        await placed.wait()
        await asyncio.sleep(network.loop.random.uniform(0, 0.1))
        ask.cancel()
        await asyncio.gather(ask, return_exceptions=True)
        rows[:] = 7
        await asyncio.sleep(1)
        assert (rows == 7).all()


@simulate()
async def test_a_stream_gives_every_value_in_order(network: Network) -> None:
    async with hub() as center, edge() as outer:
        tally = await center.spawn(Tally)
        totals = await outer.ref(Tally, "hub/tally").totals()
        for _ in range(150):
            await tally.add(1)
        assert [await anext(totals) for _ in range(150)] == list(range(1, 151))
        await totals.aclose()


@simulate(seeds=5)
async def test_a_slow_reader_of_a_stream_loses_its_oldest_values_and_holds_up_nobody(network: Network) -> None:
    async with hub() as center, edge("fast") as fast, edge("slow") as slow:
        tally = await center.spawn(Tally)
        quick, late = await fast.ref(Tally, "hub/tally").totals(), await slow.ref(Tally, "hub/tally").totals()
        for total in range(1, 3001):
            await tally.add(1)
            assert await anext(quick) == total
        seen = [await anext(late) for _ in range(1024)]
        assert seen == sorted(seen)
        assert seen[-1] <= 3000
        while (value := await anext(late)) != 3000:
            seen.append(value)
        assert len(seen) < 2999
        await quick.aclose()
        await late.aclose()


@simulate()
async def test_closing_a_stream_unsubscribes_at_the_source(network: Network) -> None:
    async with hub() as center, edge() as outer:
        tally = await center.spawn(Tally)
        totals = await outer.ref(Tally, "hub/tally").totals()
        await tally.add(1)
        assert await anext(totals) == 1
        assert await tally.readers() == 1
        await totals.aclose()
        await asyncio.sleep(1)
        assert await tally.readers() == 0


@simulate()
async def test_a_stream_whose_link_breaks_ends_in_an_error_on_one_side_and_at_all_on_the_other(
    network: Network,
) -> None:
    async with hub() as center, edge() as outer:
        tally = await center.spawn(Tally)
        totals = await outer.ref(Tally, "hub/tally").totals()
        network.cut("hub", "edge")
        with pytest.raises(PeerLost):
            await anext(totals)
        await asyncio.sleep(1)
        assert await tally.readers() == 0


@simulate(seeds=5)
async def test_a_peer_that_asks_on_without_reading_is_hung_up_on(network: Network) -> None:
    async with hub() as center, edge() as outer:
        await center.spawn(Parrot, Options())
        await outer.wait_linked("hub")
        await center.wait_linked("edge")
        (session,) = center.links.sessions()
        await asyncio.sleep(1)
        network.freeze("edge")
        with mock.patch("runtime.wire.connection.BACKLOG", MEGABYTE):
            for _ in range(100):
                session.connection.send(encode(Kind.PING, 0, bytes(40_000)))
                await asyncio.sleep(0.01)
        assert "a peer that does not read" in await session.lost
