"""What every queue promises of sending: whole messages, an outcome each, and a refusal of what none can carry."""

from __future__ import annotations

import time

import pytest

from actors.kit.queues.base import MAX_BYTES, Broker, Draft, MessageRefused, NoSuchQueue
from tests.contract.queues import Place, bodies, only, received, sent, unused
from tests.support.leaks import checked_for_leaks

BODIES = ["0", " ", "a\tb\r\nc\n", '{"numbers": [1, 2]}', "<a&b>'\"\\%s", "héllo – 数字", "🙂👩‍👩‍👧", "\ufffd\u2028"]
UNSENDABLE = {
    "empty": Draft(""),
    "a control character": Draft("a\x01b"),
    "a NUL": Draft("a\x00"),
    "half a surrogate pair": Draft("\ud800"),
    "no character": Draft("\uffff"),
    "too large": Draft("7" * (MAX_BYTES + 1)),
    "too large in UTF-8": Draft("é" * (MAX_BYTES // 2 + 1)),
    "a control character in an attribute": Draft("7", {"client": "a\x07"}),
    "too large with its attributes": Draft("7" * (MAX_BYTES - 7), {"k": "v"}),
}


async def test_bodies_arrive_as_they_were_sent(node: Broker, other: Broker) -> None:
    name = unused()
    await sent(await node.queue(name), *BODIES)
    assert bodies(await received(await other.queue(name), len(BODIES))) == sorted(BODIES)


async def test_a_message_arrives_with_its_id_its_attributes_and_its_time(node: Broker, other: Broker) -> None:
    name = unused()
    attributes = {"client": "Ünï 🙂", "reply_to": "lab2_1"}
    before = time.time()
    (id_,) = await (await node.queue(name)).send([Draft("1 2 3", attributes)])
    message = await only(await other.queue(name))
    assert (message.id, message.attributes, message.receives) == (id_, attributes, 1)
    assert before - 5 < message.sent_at / 1000 < time.time() + 5


async def test_a_batch_of_any_length_has_an_outcome_for_each_draft_in_order(node: Broker) -> None:
    queue = await node.queue(unused())
    drafts = [Draft(str(n)) for n in range(25)]
    drafts[7] = Draft("")
    outcomes = await queue.send(drafts)
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, MessageRefused)] == [7]
    arrived = {message.id: message.body for message in await received(queue, 24)}
    assert [arrived.get(str(outcome)) for outcome in outcomes] == [None if n == 7 else str(n) for n in range(25)]


async def test_the_largest_message_arrives_whole(node: Broker) -> None:
    queue = await node.queue(unused())
    await sent(queue, "7" * MAX_BYTES)
    assert (await only(queue)).body == "7" * MAX_BYTES


async def test_a_batch_may_be_larger_than_a_message(node: Broker) -> None:
    queue = await node.queue(unused())
    large = [str(n) * 200_000 for n in range(5)]
    await sent(queue, *large)
    assert bodies(await received(queue, 5)) == large


async def test_what_no_queue_carries_is_refused_before_it_is_sent(node: Broker) -> None:
    queue = await node.queue(unused())
    *outcomes, id_ = await queue.send([*UNSENDABLE.values(), Draft("beside them")])
    taken = [why for why, outcome in zip(UNSENDABLE, outcomes, strict=True) if not isinstance(outcome, MessageRefused)]
    assert taken == []
    assert (await only(queue)).id == id_


async def test_nothing_to_do_is_done(node: Broker) -> None:
    queue = await node.queue(unused())
    assert await queue.send([]) == await queue.settle([]) == await queue.extend([], 5) == await queue.release([]) == []


async def test_messages_outlive_the_node_that_sent_them(place: Place) -> None:
    name = unused()
    first = place.open()
    await sent(await first.queue(name), "1 2 3")
    await first.close()
    second = place.open()
    assert (await only(await second.queue(name))).body == "1 2 3"
    await second.close()


@pytest.mark.parametrize("place", ["sqlite", "elasticmq", "moto"], indirect=True)  # the twins take any name
async def test_a_name_no_queue_can_have_is_no_such_queue(node: Broker) -> None:
    for name in ("", "a b", "a/b", "ä", "x" * 81, "../lab2"):
        with pytest.raises(NoSuchQueue):
            await node.queue(name)


async def test_a_closed_broker_leaves_nothing_behind(no_blocking: None, place: Place) -> None:
    async with checked_for_leaks():
        broker = place.open()
        queue = await broker.queue(unused())
        await sent(queue, "1 2 3")
        await only(queue)
        assert await queue.receive(wait=1) == []
        await broker.close()
