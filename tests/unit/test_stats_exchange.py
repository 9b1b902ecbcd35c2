"""Asking over the queues, and sharing a reply queue, on the twin of both backends in virtual time."""

from __future__ import annotations

import asyncio
import json
import random  # seeded by the simulation
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.kit.queues.base import Broker, Draft, Message, Settlement
from actors.stats.errors import BadSeries
from actors.stats.exchange import Exchange
from actors.stats.inbox import FRESH, LEFT_BEHIND, LONGEST_HIDING, STAND_BACK, Arrival, Inbox, Owner, hiding, owner_of
from actors.stats.messages import ErrorReply, Reply, ReplyError
from actors.stats.reply import answer
from runtime.deadline import deadline
from runtime.errors import DeadlineExceeded
from tests.support.script import Chances, virtual_wall
from tests.support.scripted_queue import Kind, ScriptedQueues
from tests.support.simnet import Network
from tests.support.simulate import simulate

REPLY = Reply(request="r1", client=None, numbers=(1.0,), count=1, mean=1.0, median=1.0, max=1.0, min=1.0)
both = pytest.mark.parametrize("kind", ["sqlite", "sqs"])


def message(**attributes: str) -> Message:
    return Message(id="m1", body="", attributes=attributes, sent_at=0, receives=1, receipt="")


@asynccontextmanager
async def service(broker: Broker, *, slowest: float = 0.0) -> AsyncIterator[None]:
    """Answers every request, some twice, in no particular order."""

    async def serve() -> None:
        requests = await broker.queue("lab2")
        while True:
            for received in await requests.receive(wait=20):
                await asyncio.sleep(random.random() * slowest)
                copies = (answer(received, "lab2_1"),) * random.choice([1, 1, 2])
                await requests.settle([Settlement(received, copies)])

    serving = asyncio.create_task(serve())
    try:
        yield
    finally:
        serving.cancel()


def exchange_of(queues: ScriptedQueues, client: str = "site") -> Exchange:
    return Exchange(queues.broker(), client=client, wall=virtual_wall)


def inbox(queues: ScriptedQueues, client: str, *, shows: bool = False) -> Inbox:
    return Inbox(queues.broker(), "lab2_1", client, shows=shows, wall=virtual_wall)


async def poll(inbox: Inbox, wait: float = 5.0) -> list[Arrival]:
    """What one poll brought."""
    arrivals: list[Arrival] = []
    await inbox.poll(arrivals.append, wait=wait, leave=asyncio.Event())
    return arrivals


async def left(queues: ScriptedQueues, name: str = "lab2_1") -> int:
    depth = await (await queues.broker().queue(name)).depth()
    return depth.waiting + depth.hidden


@pytest.mark.parametrize(
    ("attributes", "reply", "owner"),
    [
        ({"client": "me"}, REPLY, Owner.OURS),
        ({"client": "you"}, REPLY, Owner.SOMEBODY_ELSE),
        ({}, REPLY, Owner.NOBODY),
        ({}, None, Owner.NOBODY),
        ({"client": "you"}, None, Owner.SOMEBODY_ELSE),
        ({}, ErrorReply("r1", ReplyError("bad_series", "no")), Owner.NOBODY),
        ({"client": "me"}, ErrorReply("r1", ReplyError("bad_series", "no")), Owner.OURS),
    ],
)
def test_the_attribute_says_whose_a_reply_is(
    attributes: dict[str, str], reply: Reply | ErrorReply | None, owner: Owner
) -> None:
    assert owner_of(message(**attributes), reply, "me") is owner


@pytest.mark.parametrize(("client", "owner"), [("me", Owner.OURS), ("you", Owner.SOMEBODY_ELSE)])
def test_without_the_attribute_the_body_says_whose_a_reply_is(client: str, owner: Owner) -> None:
    reply = Reply("r1", client, (1.0,), 1, 1.0, 1.0, 1.0, 1.0)
    assert owner_of(message(), reply, "me") is owner


def test_a_reply_that_names_nobody_is_ours_when_the_request_was() -> None:
    assert owner_of(message(), REPLY, "me", {"r1"}) is Owner.OURS


def test_a_reply_its_client_left_behind_for_a_day_is_nobodys() -> None:
    theirs = message(client="you")
    assert owner_of(theirs, REPLY, "me", age=LEFT_BEHIND - 1) is Owner.SOMEBODY_ELSE
    assert owner_of(theirs, REPLY, "me", age=LEFT_BEHIND) is Owner.NOBODY
    assert owner_of(theirs, REPLY, "you", age=LEFT_BEHIND) is Owner.OURS


def listening() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "replies to site"]


@both
@simulate(seeds=20)
async def test_any_number_of_asks_share_one_listener_and_each_gets_its_own_reply(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    exchange = exchange_of(queues)
    async with service(queues.broker()):
        asking = asyncio.gather(*(exchange.ask([number, number + 2]) for number in range(200)))
        while not (listeners := listening()):  # noqa: ASYNC110 - until the first of them is asked
            await asyncio.sleep(0)
        replies = await asking
        await exchange.close()
        assert queues.cancelled_receives == 0
    assert [(reply.mean, reply.client) for reply in replies] == [(number + 1, "site") for number in range(200)]
    assert len(listeners) == 1


@both
@simulate(seeds=30)
async def test_clients_on_one_reply_queue_do_not_eat_each_others_replies(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    exchanges = [exchange_of(queues, f"c{number}") for number in range(5)]
    async with service(queues.broker(), slowest=0.3):
        asks = [exchange.ask([number]) for exchange in exchanges for number in range(8)]
        with deadline(60):
            replies = await asyncio.gather(*asks)
    assert [reply.client for reply in replies] == [f"c{number}" for number in range(5) for _ in range(8)]
    for exchange in exchanges:
        await exchange.close()


@both
@simulate(seeds=50)
async def test_a_reply_that_overtakes_the_answer_to_its_sending_is_not_lost(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    queues.script.chances = Chances(longest=3.0)
    exchange = exchange_of(queues)
    async with service(queues.broker()):
        with deadline(120):
            replies = await asyncio.gather(*(exchange.ask([number]) for number in range(10)))
    assert [reply.mean for reply in replies] == list(range(10))
    queues.script.calm()
    await exchange.close()


@both
@simulate(seeds=20)
async def test_repeated_and_late_replies_of_ours_are_deleted(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    exchange = exchange_of(queues)
    with pytest.raises(DeadlineExceeded), deadline(2):
        await exchange.ask([1])
    async with service(queues.broker()):
        while await left(queues, "lab2"):  # noqa: ASYNC110 (virtual time)
            await asyncio.sleep(1)
        for number in range(20):
            await exchange.ask([number])
        await poll(inbox(queues, "site"), wait=0)
    await exchange.close()
    assert await left(queues) == 0


@both
@simulate(seeds=5)
async def test_without_a_reply_the_deadline_ends_the_ask_and_the_listening(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    exchange = exchange_of(queues)
    begun = asyncio.get_running_loop().time()
    with pytest.raises(DeadlineExceeded, match="no reply in time"), deadline(30):
        await exchange.ask([1])
    assert asyncio.get_running_loop().time() - begun == pytest.approx(30)
    await exchange.close()
    assert asyncio.get_running_loop().time() - begun < 36  # on SQS a poll waits to its end
    assert queues.cancelled_receives == 0


@simulate(seeds=5)
async def test_a_bad_series_is_refused_before_anything_is_sent(network: Network) -> None:
    queues = ScriptedQueues()
    exchange = exchange_of(queues)
    with pytest.raises(BadSeries):
        await exchange.ask([-1])
    assert queues.shelves == {}


@simulate(seeds=5)
async def test_an_error_reply_is_a_bad_series(network: Network) -> None:
    queues = ScriptedQueues()
    exchange = exchange_of(queues)
    asking = asyncio.create_task(exchange.ask([1]))
    [request] = await (await queues.broker().queue("lab2")).receive(wait=20)
    error = {"request": request.id, "error": {"code": "bad_series", "message": "not today"}}
    queues.put("lab2_1", Draft(json.dumps(error), {"client": "site"}))
    with pytest.raises(BadSeries, match="not today"):
        await asking
    await exchange.close()


@both
@simulate(seeds=20)
async def test_a_queue_that_fails_for_a_while_delays_a_reply_and_does_not_lose_it(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    exchange = exchange_of(queues)
    queues.script.fail("receive", calls=3)
    queues.script.lose("settle" if kind == "sqlite" else "delete")
    with deadline(60):
        asking = asyncio.create_task(exchange.ask([1, 3]))
        await asyncio.sleep(10)
        async with service(queues.broker()):
            assert (await asking).mean == 2
    await exchange.close()


@simulate(seeds=5)
async def test_the_deadlines_error_says_what_the_queue_said(network: Network) -> None:
    queues = ScriptedQueues()
    exchange = exchange_of(queues)
    queues.script.fail("receive", calls=1000)
    with pytest.raises(DeadlineExceeded, match="the script says so"), deadline(5):
        await exchange.ask([1])
    await exchange.close()


@pytest.mark.parametrize(
    ("age", "shortest", "longest"), [(0, 0, 0), (2.9, 0, 0), (-2, 0, 0), (10, 0.5, 1), (1e6, 2, 4), (-1e6, 2, 4)]
)
def test_a_foreign_reply_is_hidden_longer_the_older_it_is_and_never_for_long(
    age: float, shortest: float, longest: float
) -> None:
    assert [hiding(age, 0.0), hiding(age, 1.0)] == [shortest, longest]


@both
@simulate(seeds=10)
async def test_a_fresh_foreign_reply_is_given_back_at_once_while_we_stand_back(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    replies = await queues.broker().queue("lab2_1")
    identity = queues.put("lab2_1", Draft("{}", {"client": "you"}))
    polling = asyncio.create_task(poll(inbox(queues, "me", shows=True)))
    while not queues.receives[identity]:  # noqa: ASYNC110 (virtual time)
        await asyncio.sleep(0)
    assert len(await replies.receive(wait=STAND_BACK / 2)) == 1
    assert not polling.done()
    assert await polling == []


@both
@simulate(seeds=10)
async def test_an_old_foreign_reply_is_not_met_again_and_again(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    queues.put("lab2_1", Draft("{}", {"client": "you"}))
    await asyncio.sleep(600)
    end = asyncio.get_running_loop().time() + 60
    while asyncio.get_running_loop().time() < end:
        assert await poll(inbox(queues, "me", shows=True)) == []
    assert sum(queues.receives.values()) <= 60 / (LONGEST_HIDING / 2) + 1
    await asyncio.sleep(LONGEST_HIDING)
    assert (await (await queues.broker().queue("lab2_1")).depth()).waiting == 1


@both
@simulate(seeds=10)
async def test_replies_to_nobody_wait_for_somebody_who_shows(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    queues.put("lab2_1", Draft("not even a reply"))
    await asyncio.sleep(FRESH)
    assert await poll(inbox(queues, "site"), wait=0) == []
    await asyncio.sleep(LONGEST_HIDING)
    arrivals = await poll(inbox(queues, "tool", shows=True), wait=0)
    assert [(arrival.message.body, arrival.ours) for arrival in arrivals] == [("not even a reply", False)]
    assert await left(queues) == 0


@simulate(seeds=5)
async def test_what_was_shown_is_deleted_after_and_not_before(network: Network) -> None:
    queues = ScriptedQueues()
    queues.put("lab2_1", Draft("hello", {"client": "me"}))
    there: list[int] = []

    def look(_: Arrival) -> None:
        there.append(len(queues.shelves["lab2_1"].messages))

    await inbox(queues, "me").poll(look, wait=0, leave=asyncio.Event())
    assert (there, await left(queues)) == ([1], 0)


def test_a_long_name_keeps_its_end_which_tells_instances_apart() -> None:
    exchange = Exchange(ScriptedQueues().broker(), client="n" * 300 + "-7f3a")
    reply = answer(message(client=exchange.client), "lab2_1")
    assert exchange.client.endswith("-7f3a")
    assert reply.draft.attributes["client"] == exchange.client
