"""Links between nodes: who notices what, when, and what becomes of the asks under way."""

from __future__ import annotations

import asyncio

import pytest

from runtime import Node, Options, PeerLost, deadline
from tests.support.actors import Gate, GateOptions, Parrot, Relay, RelayOptions, Script, Tally
from tests.support.nodes import HUB, edge, forever, hub, on
from tests.support.simloop import on_host
from tests.support.simnet import Network
from tests.support.simulate import simulate


@simulate()
async def test_both_sides_use_the_link_one_of_them_dialled(network: Network) -> None:
    async with hub() as center, edge() as outer:
        await center.spawn(Tally)
        await outer.spawn(Tally)
        assert await outer.ref(Tally, "hub/tally").add(2) == 2
        assert await center.ref(Tally, "edge/tally").add(3) == 3


@simulate()
async def test_a_ref_travels_and_is_asked_back_over_the_same_link(network: Network) -> None:
    async with hub() as center, edge() as outer:
        gate = await center.spawn(Gate, GateOptions(script=Script()))
        await center.spawn(Relay, RelayOptions(to=gate), name="there")
        here = await outer.spawn(Relay, RelayOptions(to=gate), name="here")
        assert await outer.ref(Relay, "hub/there").again(here, 1) == 0


@simulate()
async def test_a_killed_peer_is_noticed_at_once(network: Network) -> None:
    script = Script()

    async def setup(node: Node) -> None:
        await node.spawn(Gate, GateOptions(script=script))

    async with hub() as center:
        on("edge", forever(edge(), setup))
        await center.wait_linked("edge")
        gate = center.ref(Gate, "edge/gate")
        ask = asyncio.create_task(gate.enter("x"))
        await asyncio.sleep(1)
        before = network.loop.time()
        network.kill("edge")
        with pytest.raises(PeerLost) as caught:
            await ask
        assert caught.value.executed == "unknown"
        assert network.loop.time() - before < 0.1
        await center.wait_lost(gate)
        with pytest.raises(PeerLost) as caught:
            await gate.enter("y")
        assert caught.value.executed == "no"


@pytest.mark.parametrize("fault", ["freeze", "partition"])
@simulate()
async def test_a_silent_peer_is_noticed_within_three_heartbeats(network: Network, fault: str) -> None:
    async with hub(heartbeat=2.0) as center, edge(heartbeat=2.0) as outer:
        await outer.spawn(Gate, GateOptions(script=Script()))
        await center.wait_linked("edge")
        gate = center.ref(Gate, "edge/gate")
        ask = asyncio.create_task(gate.enter("x"))
        await asyncio.sleep(network.loop.random.uniform(1, 10))
        before = network.loop.time()
        if fault == "freeze":
            network.freeze("edge")
        else:
            network.partition("hub", "edge")
        with pytest.raises(PeerLost):
            await ask
        assert network.loop.time() - before <= 3 * 2.0
        network.thaw("edge")
        network.heal("hub", "edge")
        await center.wait_linked("edge")
        await center.ref(Gate, "edge/gate").note("again")


@simulate(seeds=10)
async def test_an_idle_link_stays_up(network: Network) -> None:
    async with hub() as center, edge():
        await center.wait_linked("edge")
        lost = asyncio.create_task(center.wait_lost(center.ref(Gate, "edge/gate")))
        await asyncio.sleep(600)
        assert not lost.done()
        lost.cancel()


@simulate()
async def test_a_loop_that_was_itself_late_reads_before_it_judges(network: Network) -> None:
    async with hub(heartbeat=20.0) as center, edge(heartbeat=1.0) as outer:
        await outer.wait_linked("hub")
        await center.wait_linked("edge")
        lost = asyncio.create_task(outer.wait_lost(outer.ref(Gate, "hub/gate")))
        center_pings = asyncio.create_task(_keep_asking(center))
        await asyncio.sleep(1)
        network.freeze("edge")
        await asyncio.sleep(30)
        network.thaw("edge")
        await asyncio.sleep(5)
        assert not lost.done()
        lost.cancel()
        center_pings.cancel()


async def _keep_asking(center: Node) -> None:
    while True:
        await center.ref(Tally, "edge/tally").add.tell(1)
        await asyncio.sleep(0.5)


@simulate()
async def test_a_link_comes_back_below_the_supervisor(network: Network) -> None:
    async with hub() as center, edge() as outer:
        await center.spawn(Tally)
        tally = outer.ref(Tally, "hub/tally")
        assert await tally.add(1) == 1
        for total in range(2, 6):
            network.cut("hub", "edge")
            await outer.wait_lost(tally)
            assert await tally.add(1) == total
        assert [actor.restarts for actor in center.statistics().actors] == [0]


@simulate()
async def test_an_ask_waits_for_a_link_that_is_down_within_its_deadline(network: Network) -> None:
    async with edge() as outer:
        tally = outer.ref(Tally, "hub/tally")
        before = network.loop.time()
        with deadline(3), pytest.raises(PeerLost) as caught:
            await tally.add(1)
        assert caught.value.executed == "no"
        assert network.loop.time() - before == pytest.approx(3)
        waiting = asyncio.create_task(tally.add(5))
        async with hub() as center:
            await center.spawn(Tally)
            assert await waiting == 5


@simulate()
async def test_a_second_live_instance_of_a_name_is_refused(network: Network) -> None:
    async with hub() as center, edge() as first:
        await center.wait_linked("edge")
        instance = first.instance
        with on_host("other"):
            second = Node("edge", links={"hub": HUB})
            await second.__aenter__()
        await asyncio.sleep(10)
        assert [link.peer_instance for link in center.statistics().links] == [instance]
        (link,) = second.statistics().links
        assert link.state == "connecting"
        assert "another node named 'edge'" in (link.reason or "")
        await first.stop()
        await second.wait_linked("hub")
        await second.stop()


@simulate()
async def test_a_restarted_node_takes_its_name_again(network: Network) -> None:
    async with hub() as center:
        on("edge", forever(edge()))
        await center.wait_linked("edge")
        network.kill("edge")
        with on_host("reborn"):
            again = Node("edge", links={"hub": HUB})
            await again.__aenter__()
        await again.wait_linked("hub")
        await again.stop()


@simulate()
async def test_nothing_is_executed_twice_whatever_the_link_does(network: Network) -> None:
    """At most once: what was answered ran once, what failed with "no" never ran."""
    async with hub() as center, edge() as outer:
        script = Script()
        script.open.set()
        await center.spawn(Gate, GateOptions(script=script))
        gate = outer.ref(Gate, "hub/gate")
        ran: dict[str, str] = {}

        async def one(number: int) -> None:
            await asyncio.sleep(network.loop.random.uniform(0, 5))
            try:
                await gate.enter(str(number))
                ran[str(number)] = "yes"
            except PeerLost as error:
                ran[str(number)] = error.executed

        asks = [asyncio.create_task(one(number)) for number in range(60)]
        for _ in range(4):
            await asyncio.sleep(network.loop.random.uniform(0, 2))
            network.cut("hub", "edge")
        await asyncio.gather(*asks)
        for name, executed in ran.items():
            times = script.events.count(f"begin {name}")
            assert times == 1 if executed == "yes" else times <= (executed == "unknown")


@simulate()
async def test_any_storm_of_faults_ends_in_a_working_link(network: Network) -> None:
    async with hub() as center, edge() as outer:
        await center.spawn(Parrot, Options())
        parrot = outer.ref(Parrot, "hub/parrot")
        draw = network.loop.random
        asks: list[asyncio.Task[bytes]] = []
        for _ in range(30):
            asks.append(asyncio.create_task(parrot.data(draw.randbytes(draw.choice([10, 1000, 200_000])))))
            await asyncio.sleep(draw.uniform(0, 2))
            match draw.choice(["cut", "freeze", "partition", "thaw", "heal", "nothing"]):
                case "cut":
                    network.cut("hub", "edge")
                case "freeze":
                    network.freeze(draw.choice(["hub", "edge"]))
                case "partition":
                    network.partition("hub", "edge")
                case "thaw":
                    network.loop.thaw_all()
                case "heal":
                    network.heal("hub", "edge")
        network.loop.thaw_all()
        network.heal("hub", "edge")
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        assert all(isinstance(outcome, bytes | PeerLost) or "deadline" in str(outcome) for outcome in outcomes)
        assert await parrot.data(b"calm") == b"calm"
        assert center.statistics().budget_used == 0
        assert outer.statistics().budget_used == 0
