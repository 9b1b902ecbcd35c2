"""What every queue promises of receiving: who holds a message, for how long, and how a wait ends."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from actors.kit.queues.base import Broker, Message, Queue, ReceiptStale
from tests.contract.queues import PATIENCE, PLACES, Place, bodies, only, pair, received, sent, unused


async def test_a_receive_gives_at_most_its_limit_and_never_more_than_ten(node: Broker) -> None:
    queue = await node.queue(unused())
    await sent(queue, *map(str, range(14)))
    assert len(await queue.receive(1, wait=1)) == 1
    assert len(await queue.receive(wait=1)) <= 10


async def test_a_received_message_is_hidden_from_others(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, "1")
    await only(here)
    assert await there.receive() == []


async def test_a_message_comes_back_when_its_visibility_ended_unsettled(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, "1")
    first = await only(here, visibility=1)
    again = await only(there)
    assert (again.id, again.body, again.receives, again.sent_at) == (first.id, "1", 2, first.sent_at)
    assert again.receipt != first.receipt


async def test_an_empty_queue_gives_nothing(node: Broker) -> None:
    queue = await node.queue(unused())
    assert await queue.receive() == await queue.receive(wait=1) == []


async def test_a_waiting_receive_gets_what_is_sent_meanwhile(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(there.receive(wait=20))
        await asyncio.sleep(0.2)  # most likely it waits by now; either order is right
        await sent(here, "1")
    assert bodies(waiting.result()) == ["1"]


async def test_a_wait_that_was_told_to_end_strands_nothing(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    leave = asyncio.Event()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(there.receive(wait=2, leave=leave))
        await asyncio.sleep(0.1)  # most likely it waits by now; either order is right
        leave.set()
    assert waiting.result() == []
    await sent(here, "1")
    assert (await only(here)).body == "1"


@pytest.mark.parametrize("place", [place for place in PLACES if place != "moto"], indirect=True)  # moto races itself
async def test_two_nodes_never_hold_the_same_message_at_once(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, *map(str, range(60)))
    held: list[Message] = []

    async def drain(queue: Queue) -> None:
        while len(held) < 60:
            held.extend(await queue.receive(7, wait=1))

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(drain(queue) for queue in (here, there) * 2))
    assert len({message.id for message in held}) == len(held) == 60


async def test_an_extended_message_stays_hidden(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, "1", "2")
    messages = await received(here, 2, visibility=1)
    assert await here.extend(messages, 20) == [None, None]
    assert await there.receive(wait=2) == []


async def test_many_are_extended_in_one_call(node: Broker) -> None:
    queue = await node.queue(unused())
    await sent(queue, *map(str, range(23)))
    assert await queue.extend(await received(queue, 23), 60) == [None] * 23


async def test_a_released_message_is_anybodys_at_once(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, *map(str, range(12)))
    assert await here.release(await received(here, 12)) == [None] * 12
    assert len(await received(there, 12)) == 12


async def test_a_message_released_with_a_delay_stays_hidden_for_it(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, "1")
    await here.release([await only(here)], delay=1)
    assert await there.receive() == []
    assert (await only(there)).body == "1"


async def test_a_release_takes_the_receive_back_where_that_is_possible(node: Broker, place: Place) -> None:
    queue = await node.queue(unused())
    await sent(queue, "1")
    await queue.release([await only(queue)])
    assert (await only(queue)).receives == (1 if place.is_exact else 2)


async def test_a_receipt_that_never_was_touches_nothing(node: Broker, place: Place) -> None:
    queue = await node.queue(unused())
    await sent(queue, "1")
    never = Message(str(uuid.uuid4()), "1", {}, 0, 1, "never")
    (outcome,) = await queue.extend([never], 60)
    assert isinstance(outcome, ReceiptStale) or not place.is_exact
    assert (await only(queue)).body == "1"
