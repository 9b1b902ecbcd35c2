"""Real processes in tests: started in a group of their own, read line by line, never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from structlog.testing import LogCapture

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds before a test gives up on a process; never reached when all is well


class Program:
    """A running program; its stdout and stderr lines are collected in `lines`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._more = asyncio.Condition()
        self._reader = asyncio.create_task(self._read(), name=f"lines of {process.pid}")

    @property
    def pid(self) -> int:
        """The process's id, which is also its group's."""
        return self.process.pid

    async def line(self, part: str) -> str:
        """Wait for the first line that contains `part`; AssertionError with all lines if it never comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), self._more:
                while not self._reader.done() and not any(part in line for line in self.lines):
                    await self._more.wait()
        found = next((line for line in self.lines if part in line), None)
        assert found is not None, f"no line with {part!r} in:\n" + "\n".join(self.lines)
        return found

    async def ended(self) -> int:
        """Wait for the end and for the last line: the exit code, negative for a signal."""
        async with asyncio.timeout(PATIENCE):
            code = await self.process.wait()
            await self._reader
        return code

    def send(self, number: signal.Signals) -> None:
        """Signal the process alone."""
        self.process.send_signal(number)

    def send_to_group(self, number: signal.Signals) -> None:
        """Signal its whole group, as a terminal's Ctrl-C does."""
        os.killpg(self.pid, number)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while raw := await self.process.stdout.readline():
            async with self._more:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()


@asynccontextmanager
async def running(*argv: str, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> AsyncIterator[Program]:
    """Run `argv` (Python's arguments) from the repository's root; killed with its group when the body ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *argv, cwd=cwd, start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **(env or {})},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    program = Program(process)
    try:
        yield program
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await program.ended()


def alive(pid: int) -> bool:
    """Whether the process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def captured_log(notice: Callable[[str], object] = str) -> tuple[structlog.stdlib.BoundLogger, list[dict[str, Any]]]:
    """A logger, and the list its entries land in; `notice` is called with each event, in the logging thread."""
    capture = LogCapture()

    def noticed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        notice(event["event"])
        return event

    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        None, processors=[noticed, capture], wrapper_class=structlog.make_filtering_bound_logger(0)
    ).bind()
    entries: list[dict[str, Any]] = capture.entries  # type: ignore[assignment]
    return log, entries
