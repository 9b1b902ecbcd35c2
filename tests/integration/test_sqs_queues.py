"""What is SQS's own: queues made and found, redrive policies, FIFO."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.kit.aws import Account
from actors.kit.queues import open_broker
from actors.kit.queues.base import Broker, Draft, MessageRefused, NoSuchQueue, Redrive, Settlement
from tests.contract.queues import received, sent, unused
from tests.support.servers.kinds import ElasticMq


@pytest.fixture
async def broker(elasticmq: ElasticMq) -> AsyncIterator[Broker]:
    """A broker that makes queues."""
    broker = open_broker(elasticmq.queue_url())
    yield broker
    await broker.close()


@pytest.fixture
async def visitor(elasticmq: ElasticMq) -> AsyncIterator[Broker]:
    """A broker that makes nothing."""
    broker = open_broker(elasticmq.queue_url(create=False))
    yield broker
    await broker.close()


async def attributes(elasticmq: ElasticMq, name: str) -> dict[str, Any]:
    """The queue's attributes as the server has them."""
    account = Account("sqs", elasticmq.endpoint, elasticmq.region)
    async with account.use() as client:
        url = (await client.get_queue_url(QueueName=name))["QueueUrl"]
        answer = await client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    await account.close()
    found: dict[str, Any] = answer["Attributes"]
    return found


async def policy(elasticmq: ElasticMq, name: str) -> dict[str, Any]:
    """The queue's redrive policy; empty where it has none."""
    found: dict[str, Any] = json.loads((await attributes(elasticmq, name)).get("RedrivePolicy", "{}"))
    return found


async def test_a_missing_queue_is_an_error_that_says_how_to_make_it(visitor: Broker) -> None:
    with pytest.raises(NoSuchQueue) as refused:
        await visitor.queue(unused())

    assert "create=true" in refused.value.hint


async def test_a_queue_is_made_with_long_polls_its_dead_letters_and_its_policy(
    broker: Broker, elasticmq: ElasticMq
) -> None:
    name, dead = unused(), unused("dead")
    await broker.queue(name, Redrive(dead, 7))

    found = await policy(elasticmq, name)
    assert found["deadLetterTargetArn"] == (await attributes(elasticmq, dead))["QueueArn"]
    assert int(found["maxReceiveCount"]) == 7
    assert (await attributes(elasticmq, name))["ReceiveMessageWaitTimeSeconds"] == "20"


async def test_an_existing_queue_takes_on_the_policy_where_queues_are_made(
    broker: Broker, elasticmq: ElasticMq
) -> None:
    name, dead = unused(), unused("dead")
    await broker.queue(name)
    await broker.queue(name, Redrive(dead, 3))
    await broker.queue(name, Redrive(dead, 5))

    assert int((await policy(elasticmq, name))["maxReceiveCount"]) == 5


async def test_an_existing_queue_keeps_its_policy_where_queues_are_not_made(
    broker: Broker, visitor: Broker, elasticmq: ElasticMq
) -> None:
    name, dead = unused(), unused("dead")
    await broker.queue(name, Redrive(dead, 3))
    await visitor.queue(name, Redrive(dead, 5))

    assert int((await policy(elasticmq, name))["maxReceiveCount"]) == 3


async def test_a_fifo_queue_asks_for_fifo_dead_letters(broker: Broker) -> None:
    with pytest.raises(NoSuchQueue, match="dead letters"):
        await broker.queue(unused() + ".fifo", Redrive(unused("dead")))


async def test_a_fifo_queue_keeps_the_order_of_a_send_over_its_batches(broker: Broker) -> None:
    queue = await broker.queue(unused() + ".fifo", Redrive(unused("dead") + ".fifo"))
    await sent(queue, *map(str, range(25)))

    order = []
    while messages := await queue.receive():
        order += [message.body for message in messages]
        await queue.settle([Settlement(message) for message in messages])

    assert order == [str(number) for number in range(25)]


async def test_a_fifo_queue_takes_what_has_the_same_dedupe_once(broker: Broker) -> None:
    queue = await broker.queue(unused() + ".fifo")
    first = await queue.send([Draft("a", dedupe="request-1"), Draft("b"), Draft("b")])
    await queue.send([Draft("another body", dedupe="request-1")])

    assert all(isinstance(id_, str) for id_ in first)
    assert [message.body for message in await received(queue, 2)] == ["a", "b"]
    assert (await queue.depth()).waiting == 0


async def test_a_draft_the_server_refuses_does_not_stand_in_the_way_of_its_batch(broker: Broker) -> None:
    queue = await broker.queue(unused())
    drafts = [Draft(str(number)) for number in range(9)]
    drafts.insert(4, Draft("refused", {"client": ""}))  # SQS knows no empty attribute

    outcomes = await queue.send(drafts)

    assert [at for at, outcome in enumerate(outcomes) if isinstance(outcome, MessageRefused)] == [4]
    assert len(await received(queue, 9)) == 9


async def test_a_queue_lost_by_its_server_is_made_again_with_its_policy(own_elasticmq: ElasticMq) -> None:
    broker = open_broker(own_elasticmq.queue_url())
    name, dead = unused(), unused("dead")
    queue = await broker.queue(name, Redrive(dead, 4))
    account = Account("sqs", own_elasticmq.endpoint, own_elasticmq.region)
    async with account.use() as client:
        await client.delete_queue(QueueUrl=(await client.get_queue_url(QueueName=name))["QueueUrl"])
    await account.close()

    with pytest.raises(NoSuchQueue):
        await queue.receive()
    await sent(queue, "1 2 3")

    assert [message.body for message in await received(queue, 1)] == ["1 2 3"]
    assert int((await policy(own_elasticmq, name))["maxReceiveCount"]) == 4
    await broker.close()
