"""What a queue file does beyond the contract: group commit, quiet waiting, cancelled receives, bells, file modes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from actors.kit.queues import open_broker
from actors.kit.queues.base import Answer, Draft, Message, NoSuchQueue, Queue, ReceiptStale, Redrive, Settlement
from actors.kit.queues.sqlite import SqliteBroker
from tests.support.leaks import eventually
from tests.support.machine import Machine

PATIENCE = 15.0  # seconds; less than the waits that are to end early


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def broker(machine: Machine, tmp_path: Path) -> AsyncIterator[SqliteBroker]:
    broker = machine.broker(tmp_path / "data" / "queue.db")
    yield broker
    await broker.close()


async def test_what_waits_is_written_together(machine: Machine, broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2")
    machine.looks = 0
    await asyncio.gather(*(queue.send([Draft(str(n))]) for n in range(500)))
    assert machine.looks < 50
    assert (await queue.depth()).waiting == 500


async def test_one_failure_in_a_group_undoes_itself_alone(broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2")
    await queue.send([Draft("held")])
    held = await queue.receive()
    beyond = queue.extend(held, 1e300)  # more µs than the file can keep
    outcomes = await asyncio.gather(queue.send([Draft("a")]), beyond, queue.send([Draft("b")]), return_exceptions=True)
    assert [isinstance(outcome, OverflowError) for outcome in outcomes] == [False, True, False]
    assert (await queue.depth()).waiting == 2
    assert await queue.settle([Settlement(held[0])]) == [None]


async def test_a_wait_looks_only_when_there_is_something_to_see(machine: Machine, broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2")
    machine.looks = 0
    assert await queue.receive(wait=1) == []
    assert machine.looks == 2  # as it comes and as it goes


async def test_a_wait_ends_at_once_when_told_to_leave(broker: SqliteBroker) -> None:
    queue, leave = await broker.queue("lab2"), asyncio.Event()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(queue.receive(wait=20, leave=leave)) for _ in range(5)]
        await asyncio.sleep(0.05)
        leave.set()
    assert [wait.result() for wait in waits] == [[]] * 5


async def test_a_wait_hears_of_a_release_that_comes_before_the_end_it_knew(tmp_path: Path) -> None:
    broker = open_broker(f"sqlite:{tmp_path}/queue.db")
    queue = await broker.queue("lab2")
    await queue.send([Draft("1"), Draft("2")])
    first, second = await queue.receive()
    async with asyncio.timeout(PATIENCE):
        for hurry in (queue.release([first], delay=0.1), queue.extend([second], 0.1)):
            async with asyncio.TaskGroup() as tasks:
                waiting = tasks.create_task(queue.receive(wait=20))
                await asyncio.sleep(0.05)
                assert await hurry == [None]
            assert len(waiting.result()) == 1
    await broker.close()


async def test_a_wait_that_no_bell_reaches_looks_for_itself(
    broker: SqliteBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.kit.queues.sqlite.broker.LOOK_AGAIN", 0.1)
    queue = await broker.queue("lab2")
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.receive(wait=20))
        bells = tmp_path / "data" / "queue.db.wake"
        assert await eventually(bells.exists)
        shutil.rmtree(bells)
        await queue.send([Draft("1")])
    assert [message.body for message in waiting.result()] == ["1"]


async def test_a_cancelled_receive_gives_back_what_it_had_been_given(broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2")
    await queue.send([Draft(str(n)) for n in range(30)])
    for turns in range(120):
        receiving = asyncio.create_task(queue.receive(1))
        for _ in range(turns % 6):
            await asyncio.sleep(0)
        if turns % 3 == 0:
            await queue.depth()  # by now the receive is committed
        receiving.cancel()
        await give_back(queue, receiving)
    assert await all_wait(queue, 30)


async def test_a_cancelled_wait_gives_back_what_was_sent_at_that_moment(broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2")
    for _ in range(20):
        waiting = asyncio.create_task(queue.receive(wait=20))
        await asyncio.sleep(0.002)
        await queue.send([Draft("1")])
        waiting.cancel()
        await give_back(queue, waiting)
    assert await all_wait(queue, 20)


async def give_back(queue: Queue, receiving: asyncio.Task[list[Message]]) -> None:
    """Release what a receive gave that was not cancelled in time."""
    with suppress(asyncio.CancelledError):
        await queue.release(await receiving)


async def all_wait(queue: Queue, count: int) -> bool:
    async def counted() -> bool:
        depth = await queue.depth()
        return (depth.waiting, depth.hidden) == (count, 0)

    return await eventually(counted)


async def test_a_message_that_keeps_coming_back_does_not_starve_the_others(broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2")
    await queue.send([Draft("again"), Draft("1"), Draft("2")])
    seen = []
    for _ in range(3):
        (message,) = await queue.receive(1, visibility=0)
        seen.append(message.body)
    assert seen == ["again", "1", "2"]


async def test_every_earlier_receipt_is_stale(machine: Machine, broker: SqliteBroker) -> None:
    queue, elsewhere = await broker.queue("lab2"), await broker.queue("lab3")
    await queue.send([Draft("1")])
    (first,) = await queue.receive(visibility=1)
    machine.pass_time(1)
    (second,) = await queue.receive()
    await queue.release([second])
    (third,) = await queue.receive()
    for receipt in (first, second):
        for outcomes in (
            await queue.settle([Settlement(receipt)]), await queue.extend([receipt], 5), await queue.release([receipt]),
        ):  # fmt: skip
            assert isinstance(outcomes[0], ReceiptStale)
    assert isinstance((await elsewhere.settle([Settlement(third)]))[0], ReceiptStale)
    first_time, repeated = await queue.settle([Settlement(third), Settlement(third)])
    assert first_time is None
    assert isinstance(repeated, ReceiptStale)


async def test_a_message_whose_visibility_ended_is_the_holders_until_somebody_takes_it(
    machine: Machine, broker: SqliteBroker
) -> None:
    queue = await broker.queue("lab2")
    await queue.send([Draft("1")])
    held = await queue.receive(visibility=1)
    machine.pass_time(60)
    assert await queue.extend(held, 5) == [None]
    assert await queue.receive() == []
    machine.pass_time(60)
    assert await queue.settle([Settlement(held[0], (Answer("lab2_1", Draft("re")),))]) == [None]


async def test_a_released_message_never_becomes_a_dead_letter(broker: SqliteBroker) -> None:
    queue = await broker.queue("lab2", Redrive("dead", 1))
    await queue.send([Draft("1")])
    for _ in range(10):
        await queue.release(await queue.receive())
    assert (await queue.depth()).waiting == 1


async def test_a_dead_letter_can_be_received_as_any_message(machine: Machine, broker: SqliteBroker) -> None:
    queue, dead = await broker.queue("lab2", Redrive("dead", 1)), await broker.queue("dead")
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(dead.receive(wait=20))
        (id_,) = await queue.send([Draft("poison", {"client": "me"})])
        (message,) = await queue.receive(visibility=1)
        machine.pass_time(1)
        assert await queue.receive() == []
    (letter,) = waiting.result()
    assert (letter.id, letter.sent_at, letter.receives) == (id_, message.sent_at, 1)
    assert await dead.settle([Settlement(letter)]) == [None]


@pytest.mark.parametrize("name", ["lab2.fifo", "a b", "", "x" * 81, "lab2.1"])
async def test_a_name_that_cannot_be_is_refused_everywhere(broker: SqliteBroker, name: str) -> None:
    with pytest.raises(NoSuchQueue):
        await broker.queue(name)
    with pytest.raises(NoSuchQueue):
        await broker.queue("lab2", Redrive(name))
    queue = await broker.queue("lab2")
    await queue.send([Draft("1")])
    done = [Settlement(message, (Answer(name, Draft("re")),)) for message in await queue.receive()]
    assert isinstance((await queue.settle(done))[0], NoSuchQueue)
    assert (await queue.depth()).hidden == 1


async def test_a_queue_cannot_be_its_own_dead_letter_queue(broker: SqliteBroker) -> None:
    with pytest.raises(NoSuchQueue, match="its own"):
        await broker.queue("lab2", Redrive("lab2"))


async def test_the_file_and_its_folder_of_bells_are_for_its_user_alone(broker: SqliteBroker, tmp_path: Path) -> None:
    queue = await broker.queue("lab2")
    await queue.send([Draft("1")])
    await queue.receive(wait=1)
    modes = {path.name.partition("-")[0]: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert modes == {"queue.db": 0o600, "queue.db.wake": 0o700}


async def test_a_dead_processs_bell_is_taken_away(broker: SqliteBroker, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "queue.db.wake"
    folder.mkdir(parents=True)
    for name in ("lab2.1-dead", "lab3.1-dead"):
        os.mkfifo(folder / name)
    await (await broker.queue("lab2")).send([Draft("1")])
    assert await eventually(lambda: [path.name for path in folder.iterdir()] == ["lab3.1-dead"])


@pytest.mark.parametrize("url", ["sqlite:", "sqlite://host/queue.db"])
def test_a_url_without_a_path_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:PATH"):
        open_broker(url)
