"""No child outlives its parent, however that ends, and none is hit by a signal meant for the parent's terminal."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.leaks import eventually
from tests.support.processes import Program, alive, running

pytestmark = pytest.mark.usefixtures("no_leaks")

PARENT = """
import asyncio, signal, sys, structlog
from runtime.process import Children, ChildSpec

async def main():
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    child = ChildSpec("kid", [sys.executable, "-c", *sys.argv[1:]])
    async with Children([child], structlog.get_logger()):
        await stop.wait()

asyncio.run(main())
"""
CHILD = """
import os, signal, sys
from pathlib import Path
from runtime.lifeline import watch_lifeline

note = Path(sys.argv[1])
def finish(number, frame):
    print("finishing what was accepted\\n" * 1000)  # more than a pipe holds, to nobody
    note.write_text(signal.Signals(number).name)
    raise SystemExit(0)
signal.signal(signal.SIGTERM, finish)
signal.signal(signal.SIGINT, finish)
watch_lifeline(int(sys.argv[-1]))
print("pid", os.getpid())
while True: signal.pause()
"""
STUBBORN = """
import os, signal, sys
from runtime.lifeline import watch_lifeline

signal.signal(signal.SIGTERM, signal.SIG_IGN)
watch_lifeline(int(sys.argv[-1]), drain=0.1)
print("pid", os.getpid())
while True: signal.pause()
"""


@asynccontextmanager
async def parent_of(code: str, note: Path) -> AsyncIterator[tuple[Program, int]]:
    """A running parent and the pid of its running child."""
    async with running("-c", PARENT, code, str(note)) as parent:
        line = await parent.line("pid ")
        while "child started" in line:
            parent.lines.remove(line)
            line = await parent.line("pid ")
        child = int(line.split("pid ")[1].split()[0])
        assert alive(child)
        yield parent, child


async def test_a_child_of_a_parent_killed_at_once_finishes_and_ends(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with parent_of(CHILD, note) as (parent, child):
        parent.send(signal.SIGKILL)
        assert await parent.ended() == -signal.SIGKILL
        assert await eventually(lambda: not alive(child))
    assert note.read_text() == "SIGTERM"


async def test_a_child_that_will_not_end_is_ended_by_its_lifeline_after_the_drain_time(tmp_path: Path) -> None:
    async with parent_of(STUBBORN, tmp_path / "note") as (parent, child):
        parent.send(signal.SIGKILL)
        await parent.ended()
        assert await eventually(lambda: not alive(child))


async def test_ctrl_c_reaches_the_child_only_as_the_parents_own_drain(tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with parent_of(CHILD, note) as (parent, child):
        parent.send_to_group(signal.SIGINT)
        assert await parent.ended() == 0
        assert not alive(child)
    assert note.read_text() == "SIGTERM"
