"""One process of the call rows: `python -m bench.calls.player NAME serve` or `… measure`, driven over stdin and stdout.

A measuring process gets one JSON line per sample, `{"row", "seconds"}`, and answers `{"value"}`: calls per second, or
seconds until a fault was noticed, or null where it was not within the limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np

from bench import calls
from bench.calls.contender import FAULTS, Contender

ECHO_BYTES = 12_000_000
FREEZE_LIMIT = 6.0  # seconds a frozen peer may stay unnoticed before we stop looking
PATIENCE = 30  # seconds a sample may take at most
SIGNALS = {"kill noticed": signal.SIGKILL, "freeze noticed": signal.SIGSTOP}


class Peer:
    """The serving process of one contender, and our connection to it."""

    def __init__(self, name: str) -> None:
        self.contender: Contender = calls.load(name)()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.calls.player", name, "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def connect(self) -> None:
        assert self.process.stdout is not None
        await self.contender.connect(self.process.stdout.readline().strip())

    async def close(self) -> None:
        self.process.kill()
        self.process.wait()
        with suppress(Exception):
            async with asyncio.timeout(2):
                await self.contender.close()


class Player:
    """Takes samples of one contender; the number of calls a sample makes is found by its first one."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._counts: dict[str, int] = {}
        self._array = np.arange(ECHO_BYTES, dtype=np.uint8)
        self._peer: Peer | None = None
        self._local: Contender | None = None

    async def sample(self, row: str, seconds: float) -> float | None:
        """Measure one row for about so many seconds: calls per second, or seconds for the fault rows."""
        if row in FAULTS:
            return await self._fault(SIGNALS[row])
        if row not in self._counts:
            self._counts[row] = await self._calibrate(row, seconds)
        count = self._counts[row]
        return count / await self._timed(row, count)

    async def _calibrate(self, row: str, seconds: float) -> int:
        step = 64 if row == "64 in flight" else 1
        count = step
        while (took := await self._timed(row, count)) < seconds / 4:
            count *= 2
        return max(step, round(count * seconds / took) // step * step)

    async def _timed(self, row: str, count: int) -> float:
        local = row in ("ask local", "tell")
        contender = await self._opened() if local else await self._connected()
        begin = time.perf_counter()
        match row:
            case "ask local":
                await contender.ask_local(count)
            case "tell":
                await contender.tell_local(count)
            case "ask remote, 1":
                await contender.ask_remote(count, 1)
            case "64 in flight":
                await contender.ask_remote(count, 64)
            case "12 MB echo":
                await contender.echo(self._array, count)
        return time.perf_counter() - begin

    async def _opened(self) -> Contender:
        if self._local is None:
            self._local = calls.load(self._name)()
            await self._local.open()
        return self._local

    async def _connected(self) -> Contender:
        if self._peer is None:
            self._peer = Peer(self._name)
            await self._peer.connect()
        return self._peer.contender

    async def _fault(self, number: signal.Signals) -> float | None:
        peer = Peer(self._name)
        await peer.connect()
        asked = asyncio.create_task(peer.contender.hang())
        asked.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(0.3)  # the ask is with the peer by now
        begin = time.perf_counter()
        peer.process.send_signal(number)
        noticed, _ = await asyncio.wait([asked], timeout=FREEZE_LIMIT)
        took = time.perf_counter() - begin
        await peer.close()
        asked.cancel()  # one that will not be cancelled is left behind
        await asyncio.wait([asked], timeout=1)
        return took if noticed and (asked.cancelled() or asked.exception() is not None) else None

    async def close(self) -> None:
        """End the peer process."""
        if self._peer is not None:
            await self._peer.close()


async def measure(name: str, report: Callable[[object], None]) -> None:
    """Take samples as stdin asks for them, until it ends."""
    player = Player(name)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        signal.alarm(PATIENCE)  # a contender that hangs ends here, and the run says which one it was
        value = await player.sample(order["row"], order["seconds"])
        signal.alarm(0)
        report(json.dumps({"value": value}))
    await player.close()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main(name: str, side: str) -> None:
    """Play one side."""
    report = partial(print, file=os.fdopen(os.dup(1), "w"), flush=True)
    os.dup2(2, 1)  # what a library prints is not an answer
    contender = calls.load(name)
    if side == "serve":
        threading.Thread(target=_end_with_parent, daemon=True).start()
        contender().serve(report)
    elif contender.loop == "uvloop":
        import uvloop  # only where a contender asks for it

        uvloop.run(measure(name, report))
    else:
        asyncio.run(measure(name, report))
    sys.stdout.flush()
    os._exit(0)  # whatever threads and pools a library leaves behind are none of ours


if __name__ == "__main__":
    main(*sys.argv[1:])
