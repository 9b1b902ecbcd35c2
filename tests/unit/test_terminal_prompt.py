"""Lines from terminals, pipes and files, on both loops, asked for without blocking."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import uvloop

from actors.kit.terminal.prompt import LINE_BYTES, Prompt

Story = Callable[[], Coroutine[Any, Any, None]]
on_both_loops = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uv"])


def play(story: Story, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


def pipe() -> tuple[BinaryIO, BinaryIO]:
    """Its read and its write end, unbuffered."""
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb", buffering=0), os.fdopen(writer, "wb", buffering=0)


async def lines(prompt: Prompt) -> AsyncIterator[str]:
    while (line := await prompt.line()) is not None:
        yield line


@on_both_loops
def test_lines_come_one_by_one_and_the_last_needs_no_end(loop: Any) -> None:
    async def story() -> None:
        reader, writer = pipe()
        with closing(reader), closing(writer):
            prompt = Prompt(reader.fileno())
            waiting = asyncio.create_task(prompt.line())
            await asyncio.sleep(0)
            writer.write("naïve\r\n\ntw".encode())
            assert [await waiting, await prompt.line()] == ["naïve", ""]
            writer.write(b"o")
            writer.close()
            assert [line async for line in lines(prompt)] == ["two"]
            assert await prompt.line() is None

    play(story, loop)


@on_both_loops
def test_whoever_waits_for_a_line_can_be_interrupted_and_loses_nothing_by_being_cancelled(loop: Any) -> None:
    async def story() -> None:
        reader, writer = pipe()
        with closing(reader), closing(writer):
            prompt = Prompt(reader.fileno())
            writer.write(b"ha")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(prompt.line(), 0.05)
            writer.write(b"lf\n")
            assert await prompt.line() == "half"
            asyncio.get_running_loop().call_soon(prompt.interrupt)
            assert await prompt.line() is None
            assert await prompt.line() is None

    play(story, loop)


@on_both_loops
def test_a_terminal_is_asked_on_the_stream_and_stays_as_it_was(loop: Any) -> None:
    async def story() -> None:
        master, slave = os.openpty()
        shown = io.StringIO()
        try:
            prompt = Prompt(slave, stream=shown)
            asyncio.get_running_loop().call_later(0.01, os.write, master, b"7\n")
            assert await prompt.line("How many? ") == "7"
            assert shown.getvalue() == "How many? "
            assert os.get_blocking(slave)
            asyncio.get_running_loop().call_later(0.01, os.write, master, b"\x04")
            assert await prompt.line("More? ") is None
            assert shown.getvalue() == "How many? More? \n"
        finally:
            os.close(master)
            os.close(slave)

    play(story, loop)


@on_both_loops
def test_files_and_devices_are_read_as_they_are(loop: Any, tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "lines").write_text("1\n2")
        with (tmp_path / "lines").open("rb", buffering=0) as file:
            assert [line async for line in lines(Prompt(file.fileno()))] == ["1", "2"]
        with Path(os.devnull).open("rb", buffering=0) as nothing:  # noqa: ASYNC230
            assert await Prompt(nothing.fileno()).line() is None

    play(story, loop)


def test_a_line_without_end_is_given_in_parts(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "long").write_bytes(b"x" * (LINE_BYTES + 5) + b"\ny")
        with (tmp_path / "long").open("rb", buffering=0) as file:
            assert [len(line) async for line in lines(Prompt(file.fileno()))] == [LINE_BYTES, 5, 1]

    play(story, asyncio.new_event_loop)


def test_no_standard_input_at_all_is_its_end() -> None:
    async def story() -> None:
        reader, writer = pipe()
        number = reader.fileno()
        reader.close()
        writer.close()
        assert await Prompt(number).line("Anybody? ") is None

    play(story, asyncio.new_event_loop)
