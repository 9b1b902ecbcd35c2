"""Asks through the queue in simulation: several nodes share one reply queue, and each ask gets its own reply."""

from __future__ import annotations

import asyncio
import random  # seeded by the simulation
from contextlib import AsyncExitStack

from actors.kit.queues.base import QueueUnavailable
from actors.stats.actor import Stats, StatsOptions
from actors.stats.messages import Reply
from runtime import DeadlineExceeded, Node, deadline
from tests.support.script import Chances
from tests.support.simnet import Network
from tests.support.simulate import simulate
from tests.support.stats_world import World


async def asking(stack: AsyncExitStack, name: str) -> Stats:
    """A node that serves statistics and can be asked for them."""
    node = await stack.enter_async_context(Node(name))
    return await node.spawn(Stats, StatsOptions(queue="twin:", store="twin:"), name="stats")


def right(numbers: tuple[float, ...], reply: Reply) -> bool:
    """Whether this is the reply to these, each number of which is given only once."""
    return reply.numbers == numbers and (reply.max, reply.min) == (max(numbers), min(numbers))


@simulate(seeds=30, limit=5000.0)
async def test_asks_of_several_nodes_get_their_own_replies_over_one_queue(network: Network) -> None:
    world = World(network)
    with world.installed():
        async with AsyncExitStack() as stack:
            nodes = [await asking(stack, f"s{number}") for number in range(3)]
            series = [(float(number), number + 0.5) for number in range(30)]
            with deadline(30):
                replies = await asyncio.gather(*(random.choice(nodes).ask(numbers) for numbers in series))
            assert all(right(numbers, reply) for numbers, reply in zip(series, replies, strict=True))
        assert await world.ledger.left(world.queues.broker(), world.ledger.names.replies) == (0, 0)


@simulate(seeds=30, limit=5000.0)
async def test_an_ask_through_trouble_ends_in_its_reply_or_in_a_typed_error(network: Network) -> None:
    world = World(network)
    with world.installed():
        async with AsyncExitStack() as stack:
            nodes = [await asking(stack, f"s{number}") for number in range(2)]
            world.queues.script.chances = Chances(fails=0.2, lost=0.2, entry=0.2, longest=3.0)
            series = [(float(number), number + 0.5) for number in range(30)]
            with deadline(60):
                asks = (random.choice(nodes).ask(numbers) for numbers in series)
                outcomes = await asyncio.gather(*asks, return_exceptions=True)
            for numbers, outcome in zip(series, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    assert isinstance(outcome, QueueUnavailable | DeadlineExceeded), outcome
                else:
                    assert right(numbers, outcome)
            world.queues.script.calm()
            with deadline(60):
                assert right((1.0, 2.0), await nodes[0].ask((1.0, 2.0)))
