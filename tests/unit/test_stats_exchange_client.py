"""One run of the client on the twin of both backends: what it counts as sent, unsent, missing and refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.kit.queues.base import Draft, QueueUnavailable, Settlement
from actors.stats.client import GROUP, Client
from actors.stats.inbox import Arrival
from actors.stats.reply import answer
from tests.support.script import Chances
from tests.support.scripted_queue import Kind, ScriptedQueues
from tests.support.simnet import Network
from tests.support.simulate import simulate

both = pytest.mark.parametrize("kind", ["sqlite", "sqs"])


class Desk:
    """A client with what it showed and told."""

    def __init__(self, queues: ScriptedQueues) -> None:
        self.shown: list[Arrival] = []
        self.told: list[str] = []
        self.client = Client(queues.broker(), "lab2", "lab2_1", self.shown.append, self.told.append)


@asynccontextmanager
async def service(queues: ScriptedQueues, copies: int = 1) -> AsyncIterator[None]:
    async def serve() -> None:
        while True:
            try:
                requests = await queues.broker().queue("lab2")
                received = await requests.receive(wait=20)
                await requests.settle([Settlement(each, (answer(each, "lab2_1"),) * copies) for each in received])
            except QueueUnavailable:
                await asyncio.sleep(0.1)

    serving = asyncio.create_task(serve())
    try:
        yield
    finally:
        serving.cancel()


@both
@simulate(seeds=10)
async def test_replies_are_shown_while_messages_are_still_being_sent(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    queues.script.slow("send", 5.0)
    desk = Desk(queues)
    async with service(queues):
        sending = asyncio.create_task(desk.client.send_and_listen([(1.0,)] * (2 * GROUP), patience=60))
        await asyncio.sleep(9)
        assert len(desk.shown) == GROUP
        await sending
    assert (len(desk.shown), desk.client.missing, desk.client.unsent) == (2 * GROUP, 0, 0)


@both
@simulate(seeds=30)
async def test_each_message_is_shown_once_though_replies_repeat_and_calls_fail(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    desk = Desk(queues)
    async with service(queues, copies=2):
        await desk.client.send([(float(number),) for number in range(30)])
        queues.script.chances = Chances(fails=0.2, lost=0.2, longest=0.5)
        await desk.client.listen(patience=300)
    assert desk.client.missing == 0
    assert len(desk.shown) == len({arrival.message.body for arrival in desk.shown}) == 30


@both
@simulate(seeds=5)
async def test_patience_ends_the_listening_and_what_is_missing_is_counted(network: Network, kind: Kind) -> None:
    desk, now = Desk(ScriptedQueues(kind)), asyncio.get_running_loop().time
    begun = now()
    await desk.client.send_and_listen([(1.0,), (2.0,)], patience=7)
    assert 7 <= now() - begun < 12.1
    assert (desk.client.missing, len(desk.client.sent)) == (2, 2)


@both
@simulate(seeds=5)
async def test_leaving_ends_the_listening_without_cancelling_a_receive(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    desk, now = Desk(queues), asyncio.get_running_loop().time
    listening = asyncio.create_task(desk.client.send_and_listen([(1.0,)], patience=120))
    await asyncio.sleep(1)
    begun = now()
    desk.client.leave()
    await listening
    assert now() - begun < (0.1 if kind == "sqlite" else 5.1)
    assert queues.cancelled_receives == 0


@simulate(seeds=5)
async def test_what_could_not_be_sent_is_told_and_counted_and_the_rest_is_still_awaited(network: Network) -> None:
    queues = ScriptedQueues()
    desk = Desk(queues)

    async def fail_second() -> None:
        while not desk.client.sent:  # noqa: ASYNC110 (virtual time)
            await asyncio.sleep(0.01)
        queues.script.fail("send")

    queues.script.slow("send", 1.0)
    async with service(queues):
        failing = asyncio.create_task(fail_second())
        await desk.client.send_and_listen([(1.0,)] * (2 * GROUP + 1), patience=60)
        await failing
    assert (len(desk.shown), desk.client.missing, desk.client.unsent) == (GROUP, 0, GROUP + 1)
    assert desk.told == ["Not sent: the script says so"]


@simulate(seeds=5)
async def test_trouble_with_the_queue_is_told_once_and_waited_out(network: Network) -> None:
    queues = ScriptedQueues()
    desk = Desk(queues)
    async with service(queues):
        await desk.client.send([(1.0,)])
        queues.script.fail("receive", calls=6)
        await desk.client.listen(patience=60)
    assert desk.client.missing == 0
    assert len(desk.told) == 1


@both
@simulate(seeds=5)
async def test_with_nothing_sent_it_shows_all_that_lies_there_for_nobody(network: Network, kind: Kind) -> None:
    queues = ScriptedQueues(kind)
    for number in range(25):
        queues.put("lab2_1", Draft(f"to nobody {number}"))
    desk = Desk(queues)
    await desk.client.look()
    assert len(desk.shown) == 25
    assert queues.shelves["lab2_1"].messages == {}
