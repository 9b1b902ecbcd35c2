"""Role `all` in a process of its own on private ports, for the demo: a master, a gateway and three worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from actors.split.master import SplitMaster
from runtime import Auth, Node, deadline
from runtime.errors import BrumeError
from runtime.ops.service import NAME, NodeOps

MAIN = Path(__file__).resolve().parents[2] / "main.py"
WORKERS = 3
START = 60.0  # seconds for three processes to import OpenCV and register, on a slow machine
STOP = 20.0


class StageError(Exception):
    """Role `all` did not come up; the words hold the end of its log."""


class Stage:
    """`async with Stage(["actors.master.options.tiles=24"]) as stage` starts the role and links a node to it.

    Everything it keeps lies in a temporary folder that goes with it. Raises StageError from `ready`.
    """

    def __init__(self, settings: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="brume-demo-")
        self._log = Path(self._folder.name) / "all.log"
        self._settings = settings
        self._port = _free_port()
        address = f"tcp://127.0.0.1:{self._port}"
        token = secrets.token_hex(32)
        self._environment = {
            **os.environ,
            "BRUME_LISTEN": address,
            "BRUME_SITE": f"http://127.0.0.1:{_free_port()}",
            "BRUME_TOKEN": token,
        }
        self.node = Node("demo", links={"hub": address}, auth=Auth(tokens=[token]))
        self._linked = False
        self.master = self.node.ref(SplitMaster, "hub/master")

    async def __aenter__(self) -> Self:
        options = [item for setting in self._settings for item in ("--set", setting)]
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C is the demo's to answer, by stopping the role in order.
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, str(MAIN), "--role", "all", "--data", self._folder.name, *options,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, start_new_session=True,
            )  # fmt: skip
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._linked:
            await self.node.stop()
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(STOP):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()  # its children hold a lifeline and end with it
                await self._process.wait()
        self._folder.cleanup()

    async def ready(self) -> None:
        """Wait until the master gives tiles to all workers."""
        try:
            async with asyncio.timeout(START):
                if not self._linked:
                    await self._listening()
                    await self.node.__aenter__()
                    self._linked = True
                while True:
                    if await self._working() >= WORKERS:
                        return
                    await asyncio.sleep(0.1)
        except (TimeoutError, ProcessLookupError):
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
            raise StageError(f"role all did not come up with {WORKERS} workers; the end of its log:\n{tail}") from None

    async def _listening(self) -> None:
        """Dialling earlier would work too, and warn of every refusal."""
        while True:
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", self._port)):
                return
            if self._process.returncode is not None:
                raise ProcessLookupError
            await asyncio.sleep(0.1)

    async def _working(self) -> int:
        if self._process.returncode is not None:
            raise ProcessLookupError
        try:
            with deadline(2):
                status = await self.master.status()
        except BrumeError:
            return 0
        return sum(worker.state == "working" for worker in status.workers)

    async def pids(self) -> dict[str, int]:
        """The worker processes that run now, by node name."""
        snapshot = await self.node.ref(NodeOps, f"hub/{NAME}").actors()
        return {child.name: child.pid for child in snapshot.children if child.pid is not None}

    @staticmethod
    def kill(pid: int) -> None:
        """End a process at once, as a power cut would."""
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
