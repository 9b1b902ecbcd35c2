"""A server process on a loopback port that keeps its port and its data over stops and starts.

Starting waits until the port answers; nothing here needs an event loop but the methods that are awaited.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.leaks import eventually

PATIENCE = 60.0  # seconds for a start or a stop; never reached when all is well
LOOK = 0.01  # seconds between two looks
LAST_LINES = 30


class Server:
    """What `command` runs, on `port`; its output goes to a file in `folder`."""

    region = "us-east-1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where clients find it, running or not."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of its process, which runs."""
        assert self._process is not None, "not started"
        return self._process.pid

    def command(self) -> Sequence[str]:
        """What runs it. Raises Unavailable where it cannot be had."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What it needs besides the test's own environment."""
        return {}

    async def start(self) -> None:
        """Run it, on the same port and data as before; returns when it answers. AssertionError with its last lines."""
        self._launch()
        assert await eventually(self._answers, PATIENCE), self._silent()

    def start_now(self) -> None:
        """`start` without an event loop; blocks."""
        self._launch()
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < end, self._silent()
            time.sleep(LOOK)

    async def stop(self) -> None:
        """End it as an operator does, with SIGTERM; returns when it is gone."""
        await self._ended_by(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut does; returns when it is gone."""
        await self._ended_by(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: its port still takes connections, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill it if it runs; blocks until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def last_lines(self) -> str:
        """The end of what it wrote."""
        with suppress(FileNotFoundError):
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_LINES:])
        return ""

    @property
    def _log(self) -> Path:
        return self.folder / "output"

    def _launch(self) -> None:
        assert self._process is None, "runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        # Dies with us, even if we are killed: nothing may outlive a test run.
        keeper = [setpriv, "--pdeathsig", "KILL", "--"] if (setpriv := shutil.which("setpriv")) else []
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*keeper, *self.command()], cwd=self.folder, env=os.environ | self.environment(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{type(self).__name__} ended by itself:\n{self.last_lines()}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _silent(self) -> str:
        return f"{type(self).__name__} does not answer after {PATIENCE:g} s:\n{self.last_lines()}"

    async def _ended_by(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        assert process is not None, "not started"
        os.kill(process.pid, number)
        os.kill(process.pid, signal.SIGCONT)  # a frozen one hears no SIGTERM
        if not await eventually(lambda: process.poll() is not None, PATIENCE):
            process.kill()
            raise AssertionError(f"{type(self).__name__} did not end within {PATIENCE:g} s:\n{self.last_lines()}")


def free_port() -> int:
    """A port nobody listens on, below those that outgoing connections are given: it stays free while we are stopped."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
