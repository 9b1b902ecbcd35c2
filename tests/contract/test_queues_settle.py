"""What every queue promises of settling, counting, and messages nobody can settle."""

from __future__ import annotations

import asyncio

import pytest

from actors.kit.queues.base import (
    Answer,
    Broker,
    Draft,
    Message,
    MessageRefused,
    Queue,
    ReceiptStale,
    Redrive,
    Settlement,
)
from tests.contract.queues import PATIENCE, Place, bodies, has, only, pair, received, sent, unused


async def test_settled_messages_are_gone_and_their_answers_are_where_they_belong(
    place: Place, node: Broker, other: Broker
) -> None:
    count = 9 if place.kind == "moto" else 23  # moto loses some of the deletions that arrive side by side
    here, there = await pair(node, other)
    replies, audit = await other.queue(unused("replies")), await other.queue(unused("audit"))
    await sent(here, *map(str, range(count)))
    done = [
        Settlement(
            m, (Answer(replies.name, Draft(f"re {m.body}", {"client": "me"})), Answer(audit.name, Draft(m.body)))
        )
        for m in await received(here, count)
    ]
    assert await here.settle(done) == [None] * count
    assert bodies(await received(audit, count)) == sorted(map(str, range(count)))
    answers = await received(replies, count)
    assert bodies(answers) == sorted(f"re {n}" for n in range(count))
    assert {answer.attributes["client"] for answer in answers} == {"me"}
    assert await has(there, waiting=0, hidden=0)


async def test_a_message_may_be_settled_without_an_answer(node: Broker) -> None:
    queue = await node.queue(unused())
    await sent(queue, "1")
    assert await queue.settle([Settlement(await only(queue))]) == [None]
    assert await has(queue, waiting=0, hidden=0)


async def test_nothing_is_deleted_before_what_it_waits_for_is_done(node: Broker) -> None:
    queue = await node.queue(unused())
    await sent(queue, "1")
    message = await only(queue)
    logged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        settling = tasks.create_task(queue.settle([Settlement(message)], after=logged))
        assert await has(queue, waiting=0, hidden=1)
        assert not settling.done()
        logged.set_result(None)
    assert settling.result() == [None]
    assert await has(queue, waiting=0, hidden=0)


async def test_what_it_waits_for_fails_and_nothing_is_deleted(node: Broker) -> None:
    queue, replies = await node.queue(unused()), await node.queue(unused("replies"))
    await sent(queue, "1")
    message = await only(queue)

    async def fails() -> None:
        raise OSError("no room for the log")

    with pytest.raises(OSError, match="no room for the log"):
        await queue.settle([Settlement(message, (Answer(replies.name, Draft("re")),))], after=fails())
    assert await has(queue, waiting=0, hidden=1)


async def test_an_answer_no_queue_carries_spoils_its_own_settlement_only(node: Broker) -> None:
    queue, replies = await node.queue(unused()), await node.queue(unused("replies"))
    await sent(queue, "1", "2", "3")
    good, bad, fine = sorted(await received(queue, 3), key=lambda message: message.body)
    done = [
        Settlement(m, (Answer(replies.name, Draft("" if m is bad else f"re {m.body}")),)) for m in (good, bad, fine)
    ]
    first, second, third = await queue.settle(done)
    assert (first, third) == (None, None)
    assert isinstance(second, MessageRefused)
    assert bodies(await received(replies, 2)) == ["re 1", "re 3"]
    assert await has(queue, waiting=0, hidden=1)


async def test_a_message_handed_out_again_is_no_longer_the_firsts_to_settle(
    node: Broker, other: Broker, place: Place
) -> None:
    here, there = await pair(node, other)
    replies = await node.queue(unused("replies"))
    await sent(here, "1")
    first = await only(here, visibility=0)
    again = await only(there)
    (outcome,) = await here.settle([Settlement(first, (Answer(replies.name, Draft("re")),))])
    if place.is_exact:
        assert isinstance(outcome, ReceiptStale)
        assert await has(replies, waiting=0, hidden=0)
        assert await there.extend([again], 60) == [None]
    else:  # SQS honours the deletion or refuses it; either way the answer is there
        assert outcome is None or isinstance(outcome, ReceiptStale)
        assert (await only(replies)).body == "re"


async def test_depth_counts_what_waits_and_what_is_hidden(node: Broker, other: Broker) -> None:
    here, there = await pair(node, other)
    await sent(here, "1", "2", "3")
    assert await has(there, waiting=3, hidden=0)
    await only(here)
    assert await has(there, waiting=2, hidden=1)


async def test_a_message_nobody_settles_becomes_a_dead_letter_with_all_it_had(node: Broker, other: Broker) -> None:
    dead = unused("dead")
    here, there = await pair(node, other, Redrive(dead, 2))
    (id_,) = await here.send([Draft("poison", {"client": "me"})])
    assert [(await only(queue, visibility=0)).receives for queue in (here, there)] == [1, 2]
    letter = await buried(there, await other.queue(dead))
    assert (letter.id, letter.body, letter.attributes) == (id_, "poison", {"client": "me"})
    assert await has(here, waiting=0, hidden=0)


async def test_a_policy_holds_for_nodes_that_name_none(node: Broker, other: Broker, place: Place) -> None:
    dead = unused("dead")
    here, there = await pair(node, other, Redrive(dead, 1))
    await here.send([Draft("poison")])
    await only(there, visibility=0)
    assert (await buried(there, await node.queue(dead))).body == "poison"


async def test_a_healthy_message_is_no_dead_letter(node: Broker) -> None:
    dead = unused("dead")
    queue = await node.queue(unused(), Redrive(dead, 1))
    await sent(queue, "1")
    assert await queue.settle([Settlement(await only(queue))]) == [None]
    assert await has(await node.queue(dead), waiting=0, hidden=0)


async def buried(queue: Queue, dead: Queue) -> Message:
    """The dead letter, moved by one of the receives that come once too often."""
    async with asyncio.timeout(PATIENCE):
        while not (letters := await dead.receive()):
            assert await queue.receive() == []
    return letters[0]
