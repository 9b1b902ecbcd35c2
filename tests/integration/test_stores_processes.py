"""Several processes at one store: compare-and-swap loses nothing, and a kill leaves objects whole or absent."""

from __future__ import annotations

import asyncio
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from actors.kit.stores import open_store
from tests.support.campaign import examples
from tests.support.processes import Program, running
from tests.support.store_process import COUNTER, TIMES, number

PROGRAM = ("-m", "tests.support.store_process")


@pytest.fixture(params=["file", "versitygw"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store whose conditional writes are right under races."""
    if request.param == "file":
        return f"file:{tmp_path}/bucket"
    return str(request.getfixturevalue("versitygw").store_url(bucket=f"races-{tmp_path.name.replace('_', '-')[:40]}"))


async def started(stack: AsyncExitStack, what: str, url: str, processes: int) -> list[Program]:
    """So many processes at work."""
    return [await stack.enter_async_context(running(*PROGRAM, what, url, f"p{n}")) for n in range(processes)]


async def counted(url: str) -> int:
    """What the counter says."""
    store = open_store(url)
    found = int((await store.get(COUNTER)).data.split()[0])
    await store.close()
    return found


def acknowledged(programs: list[Program]) -> int:
    """How often the processes were told that theirs was counted."""
    return sum(program.lines.count("counted") for program in programs)


async def test_processes_that_count_in_one_object_lose_no_count(url: str) -> None:
    async with AsyncExitStack() as stack:
        programs = await started(stack, "count", url, 4)
        assert [await program.ended() for program in programs] == [0] * 4
        assert await counted(url) == acknowledged(programs) == 4 * TIMES


async def test_a_killed_process_takes_no_acknowledged_count_with_it(url: str) -> None:
    async with AsyncExitStack() as stack:
        killed = await started(stack, "count_on", url, 2)
        programs = [*killed, *await started(stack, "count", url, 2)]
        for program in killed:
            await program.line("counted")
            program.send(signal.SIGKILL)
        for program in programs:
            await program.ended()
        assert acknowledged(programs) <= await counted(url) <= acknowledged(programs) + 2


async def test_whenever_a_writer_is_killed_its_objects_are_whole_and_the_last_acknowledged_or_later(url: str) -> None:
    chance = random.Random(4)
    for _ in range(examples(3)):
        async with running(*PROGRAM, "write", url, "writer") as writer:
            await writer.line(f"wrote writer/{chance.randrange(5)}")
            await asyncio.sleep(chance.random() / 50)  # a moment of its work, whichever
            writer.send(signal.SIGKILL)
            await writer.ended()
            told = [line.split() for line in writer.lines]
        store = open_store(url)
        found = {entry.key: number((await store.get(entry.key)).data) async for entry in store.list()}
        last = {key: int(n) for _, key, n in told}
        assert all(found[key] >= n for key, n in last.items())
        await store.close()


async def test_a_folder_that_others_keep_emptying_refuses_nobody(url: str) -> None:
    async with AsyncExitStack() as stack:
        programs = await started(stack, "come", url, 4)
        assert [await program.ended() for program in programs] == [0] * 4, [program.lines[-8:] for program in programs]
