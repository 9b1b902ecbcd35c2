"""Several processes at one queue file: waking each other, sharing without overlap, killed at any moment."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from actors.kit.queues import open_broker
from actors.kit.queues.base import Broker, Draft, Message
from tests.support.campaign import examples
from tests.support.leaks import eventually
from tests.support.machine import Machine
from tests.support.processes import PATIENCE, Program, running
from tests.support.queue_process import REPLIES, REQUESTS, body, number

PROGRAM = ("-m", "tests.support.queue_process")


def told(programs: list[Program], word: str) -> Counter[str]:
    """How often each number was printed after `word`."""
    lines = [line.split() for program in programs for line in program.lines]
    return Counter(number for line in lines if line[:1] == [word] for number in line[1:])


def has_lines(program: Program, count: int) -> bool:
    """Whether it has said so much."""
    return len(program.lines) >= count


async def everything(broker: Broker, name: str) -> list[Message]:
    """Every message of a queue in which none is hidden."""
    queue, messages = await broker.queue(name), []
    while batch := await queue.receive(visibility=3600):
        messages += batch
    return messages


async def test_a_process_that_waits_hears_of_another_ones_message(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/queue.db"
    async with running(*PROGRAM, "wait", url) as waiting:
        broker = open_broker(url)
        queue = await broker.queue(REQUESTS)
        await waiting.line("waiting")
        async with asyncio.timeout(PATIENCE):  # not enough for looks every few seconds
            for n in range(20):
                await queue.send([Draft(f"message-{n}")])
                await waiting.line(f"got message-{n}")
        await broker.close()


async def test_many_processes_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/new/queue.db"
    async with AsyncExitStack() as stack:
        programs = [await stack.enter_async_context(running(*PROGRAM, "wait", url)) for _ in range(6)]
        await asyncio.gather(*(program.line("waiting") for program in programs))


async def test_processes_never_hold_the_same_message_at_once(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/queue.db"
    broker = open_broker(url)
    queue, count = await broker.queue(REQUESTS), 1500
    async with AsyncExitStack() as stack:
        settlers = [await stack.enter_async_context(running(*PROGRAM, "settle", url)) for _ in range(3)]
        for start in range(0, count, 100):
            await queue.send([Draft(body(str(n))) for n in range(start, start + 100)])
        assert await eventually(lambda: told(settlers, "settled").total() >= count, PATIENCE)
    assert told(settlers, "held") == told(settlers, "settled") == Counter(str(n) for n in range(count))
    assert Counter(number(m.body) for m in await everything(broker, REPLIES)) == Counter(str(n) for n in range(count))
    await broker.close()


async def test_killed_processes_leave_whole_messages_and_whole_settlements(tmp_path: Path) -> None:
    url, chance, programs = f"sqlite:{tmp_path}/queue.db", random.Random(9), []
    for round_ in range(examples(5)):
        async with running(*PROGRAM, "send", url, f"a{round_}") as sender, running(*PROGRAM, "settle", url) as settler:
            programs += [sender, settler]
            assert await eventually(partial(has_lines, settler, chance.randrange(2, 40)), PATIENCE)
            for program in chance.sample([sender, settler], 2):
                program.send(signal.SIGKILL)
                await asyncio.sleep(chance.random() * 0.02)
    machine = Machine()
    broker = machine.broker(tmp_path / "queue.db")
    await broker.queue(REQUESTS)
    machine.pass_time(7200)  # what killed processes held is hidden no longer
    waiting = [number(m.body) for m in await everything(broker, REQUESTS)]
    answered = [number(m.body) for m in await everything(broker, REPLIES)]
    assert max(Counter(waiting + answered).values()) == 1
    assert set(told(programs, "sent")) <= {*waiting, *answered}
    assert set(told(programs, "settled")) <= set(answered)
    await broker.close()
