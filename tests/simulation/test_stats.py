"""The statistics service on twins of queue and store, through kills, freezes, restarts and failures at seeded times."""

from __future__ import annotations

import asyncio
import random  # seeded by the simulation
from typing import Any
from unittest import mock

from actors.kit.queues.base import Answer, Draft, Message, QueueDenied, QueueUnavailable
from actors.stats import actor as stats_actor
from actors.stats import reply
from tests.support.script import Chances
from tests.support.simnet import Network
from tests.support.simulate import simulate
from tests.support.stats import unmerged
from tests.support.stats_world import SETTLED, VISIBILITY, World


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


@simulate(seeds=20, limit=9000.0)
async def test_a_stop_while_the_store_fails_or_hangs_gives_messages_back(network: Network) -> None:
    world = World(network)
    script = world.stores.script
    with world.installed():
        world.start()
        await world.send(3)
        await world.settled()
        if random.random() < 0.5:
            script.down = True
        else:
            for name in ("put", "get", "list"):
                script.slow(name, 3600.0)
        await world.send(30)
        await asyncio.sleep(random.random() * 5)
        await world.stop()
        assert world.hidden() == 0
        script.calm()
        world.start()
        await world.end()


@simulate(seeds=2, limit=5000.0)
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


@simulate(seeds=10, limit=5000.0)
async def test_a_message_that_cannot_be_answered_becomes_a_dead_letter_alone(network: Network) -> None:
    world = World(network)

    def answer(message: Message, **options: Any) -> Answer:
        if message.body == "poison":
            raise RuntimeError("nobody can answer this")
        return reply.answer(message, **options)

    with world.installed(), mock.patch.object(stats_actor, "answer", answer):
        poison = world.queues.put(world.ledger.names.requests, Draft("poison"))
        world.start()
        await world.send(10)
        await asyncio.sleep(10 * VISIBILITY)
        await world.settled()
        dead = world.queues.shelves[world.ledger.names.dead].messages
        assert list(dead) == [poison]
        assert world.queues.receives[poison] == 10
        dead.clear()
        await world.end()


@simulate(seeds=10, limit=5000.0)
async def test_a_failure_nobody_expected_restarts_the_service_and_loses_nothing(network: Network) -> None:
    world = World(network)
    with world.installed():
        world.start()
        for script, name in (
            (world.queues.script, "receive"),
            (world.stores.script, "put"),
            (world.stores.script, "list"),
        ):
            await world.send(10)
            script.fail(name, problem=lambda: RuntimeError("a defect"))
            await asyncio.sleep(60.0)
        await world.settled()
        world.queues.cancelled_receives = 0  # those of the instances that fell
        await world.end()
