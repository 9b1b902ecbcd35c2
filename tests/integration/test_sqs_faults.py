"""What goes wrong between SQS and us ends in the port's errors, for the entries it concerns and no others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from actors.kit.queues import open_broker
from actors.kit.queues.base import Answer, Broker, Draft, Queue, QueueDenied, QueueUnavailable, Settlement
from tests.contract.queues import received, sent, unused
from tests.support.servers.kinds import ElasticMq
from tests.support.toxic import Call, Forward, Toxic, ToxicProxy, cut, partly, refuse, reset, toxic_proxy

SEND, RECEIVE, DELETE, HIDE = (
    "SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch",
)  # fmt: skip


@pytest.fixture
async def proxy(elasticmq: ElasticMq) -> AsyncIterator[ToxicProxy]:
    """Between us and ElasticMQ."""
    async with toxic_proxy(elasticmq.endpoint) as proxy:
        yield proxy


@pytest.fixture
async def broker(proxy: ToxicProxy) -> AsyncIterator[Broker]:
    """A broker behind the proxy."""
    broker = open_broker(f"sqs://?endpoint_url={proxy.endpoint}&region=elasticmq&create=true")
    yield broker
    await broker.close()


@pytest.fixture
async def queue(broker: Broker) -> Queue:
    """A new queue behind the proxy."""
    return await broker.queue(unused())


async def test_calls_go_to_the_endpoint_whatever_address_the_queue_url_names(queue: Queue, proxy: ToxicProxy) -> None:
    """ElasticMQ's QueueUrl names ElasticMQ itself, as a server in a container names its own host."""
    await sent(queue, "1")
    await received(queue, 1)

    assert proxy.calls[SEND] == 1
    assert proxy.calls[RECEIVE] >= 1


async def test_a_thousand_messages_are_a_hundred_sends(queue: Queue, proxy: ToxicProxy) -> None:
    await sent(queue, *map(str, range(1000)))

    assert proxy.calls[SEND] == 100


@pytest.mark.parametrize("toxic", [reset(), refuse("throttled"), refuse("broken"), refuse("unavailable")])
async def test_one_failure_of_the_service_is_tried_again_and_not_noticed(
    queue: Queue, proxy: ToxicProxy, toxic: Toxic
) -> None:
    proxy.once(toxic, SEND)
    proxy.once(toxic, RECEIVE)

    await sent(queue, "1")

    assert [message.body for message in await received(queue, 1)] == ["1"]


@pytest.mark.parametrize("toxic", [reset(), refuse("throttled"), refuse("broken")])
async def test_a_service_that_goes_on_failing_is_unavailable(queue: Queue, proxy: ToxicProxy, toxic: Toxic) -> None:
    with proxy.toxic(toxic), pytest.raises(QueueUnavailable):
        await queue.receive()


async def test_an_entry_failed_by_the_service_is_sent_again_by_itself(queue: Queue, proxy: ToxicProxy) -> None:
    proxy.once(partly(lambda place: place in (2, 5)), SEND)

    ids = await sent(queue, *map(str, range(10)))

    assert len(set(ids)) == 10
    assert sorted(message.body for message in await received(queue, 10)) == [str(number) for number in range(10)]
    assert (await queue.depth()).waiting == 0


async def test_an_entry_that_goes_on_failing_is_unavailable_beside_the_others_done(
    queue: Queue, proxy: ToxicProxy
) -> None:
    await sent(queue, *map(str, range(5)))
    messages = await received(queue, 5)
    with proxy.toxic(partly(lambda place: place == 0), DELETE):
        outcomes = await queue.settle([Settlement(message) for message in messages])

    assert isinstance(outcomes[0], QueueUnavailable)
    assert outcomes[1:] == [None] * 4


async def test_a_message_whose_answer_failed_is_not_deleted(broker: Broker, queue: Queue, proxy: ToxicProxy) -> None:
    replies = await broker.queue(unused("lab2_1"))
    await sent(queue, "a", "b")
    messages = await received(queue, 2)
    with proxy.toxic(partly(lambda place: place == 0), SEND):
        outcomes = await queue.settle(
            [Settlement(message, (Answer(replies.name, Draft(message.body)),)) for message in messages]
        )

    assert [type(outcome) for outcome in outcomes] == [QueueUnavailable, type(None)]
    assert (await queue.depth()).hidden == 1


async def test_a_delete_whose_answer_was_lost_is_done(queue: Queue, proxy: ToxicProxy) -> None:
    await sent(queue, "1")
    messages = await received(queue, 1)
    proxy.once(cut(), DELETE)
    await queue.settle([Settlement(message) for message in messages])

    depth = await queue.depth()
    assert (depth.waiting, depth.hidden) == (0, 0)


async def test_one_batch_that_fails_leaves_the_outcomes_of_the_others(queue: Queue, proxy: ToxicProxy) -> None:
    await sent(queue, *map(str, range(20)))
    messages = await received(queue, 20)
    first = messages[0].receipt

    async def toxic(call: Call, forward: Forward) -> web.Response:
        return await (refuse("broken")(call, forward) if first in call.body.decode() else forward())

    with proxy.toxic(toxic, HIDE):
        outcomes = await queue.extend(messages, 60)

    assert [type(outcome) for outcome in outcomes] == [QueueUnavailable] * 10 + [type(None)] * 10


async def test_expired_credentials_are_denied_and_renewed_ones_are_found_without_a_restart(
    queue: Queue, proxy: ToxicProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy takes one key only, as the service does after a rotation."""

    async def rotated(call: Call, forward: Forward) -> web.Response:
        known = "renewed/" in call.request.headers["Authorization"]
        return await (forward() if known else refuse("expired")(call, forward))

    with proxy.toxic(rotated):
        with pytest.raises(QueueDenied) as denied:
            await sent(queue, "1")
        monkeypatch.setitem(os.environ, "AWS_ACCESS_KEY_ID", "renewed")
        assert await sent(queue, "1")

    assert "renew" in denied.value.hint


async def test_credentials_renewed_amid_a_long_poll_do_not_end_it(queue: Queue, proxy: ToxicProxy) -> None:
    hold = proxy.hold(RECEIVE)
    poll = asyncio.create_task(queue.receive(wait=5))
    await hold.reached.wait()
    with proxy.toxic(refuse("expired"), SEND), pytest.raises(QueueDenied):
        await queue.send([Draft("lost")])
    await sent(queue, "1")
    hold.go.set()

    assert [message.body for message in await poll] == ["1"]


async def test_a_queue_server_that_came_back_is_used_again(own_elasticmq: ElasticMq) -> None:
    broker = open_broker(own_elasticmq.queue_url())
    queue = await broker.queue(unused())
    await sent(queue, "kept")
    await own_elasticmq.stop()
    with pytest.raises(QueueUnavailable, match="cannot be reached"):
        await queue.receive()
    await own_elasticmq.start()

    assert [message.body for message in await received(queue, 1)] == ["kept"]
    await broker.close()
