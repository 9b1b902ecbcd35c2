"""The process of one contender of the split rows: `python -m bench.splits.player NAME PICTURE`, driven over stdin.

A line is one sample, `{"row", "what"}`; the answer is `{"wall", "cpu"}` in seconds, `{"wrong"}` in pixels, or
`{"memory"}` in pictures: the most this process held above what it held before the job.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvloop
from numpy.typing import NDArray

from bench import splits
from bench.measured import cpu_of
from bench.splits.contender import ROWS

PATIENCE = 60  # seconds a sample may take at most


class Player:
    """Takes samples of one contender on one picture."""

    def __init__(self, name: str, picture: Path) -> None:
        self._contender = splits.load(name)()
        self._picture: NDArray[Any] = np.load(picture)
        self._folder = picture.parent

    async def open(self) -> None:
        await self._contender.open(self._picture.size)
        await self._contender.run(ROWS["gauss + sobel"], self._picture[:64])

    async def sample(self, row: str, what: str) -> dict[str, float]:
        """One answer."""
        if what == "memory":
            return {"memory": await self._memory(ROWS[row])}
        if what == "wrong":
            worked = await self._contender.run(ROWS[row], self._picture)
            right = np.load(self._folder / f"{row}.npy", mmap_mode="r")
            return {"wrong": int(np.count_nonzero(worked != right))}
        cpu, wall = self._cpu(), time.perf_counter()
        await self._contender.run(ROWS[row], self._picture)
        return {"wall": time.perf_counter() - wall, "cpu": self._cpu() - cpu}

    def _cpu(self) -> float:
        return time.process_time() + sum(cpu_of(pid) for pid in self._contender.pids())

    async def _memory(self, operator: str) -> float:
        before = _start_peak()
        await self._contender.run(operator, self._picture)
        return (_status("VmHWM") - before) / self._picture.nbytes

    async def close(self) -> None:
        await self._contender.close()


def _start_peak() -> int:
    """Let the peak start over; bytes held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(key: str) -> int:
    """Bytes, by a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


async def main(name: str, picture: str) -> None:
    """Take samples as stdin asks for them, until it ends."""
    report = partial(print, file=os.fdopen(os.dup(1), "w"), flush=True)
    os.dup2(2, 1)  # what a library prints is not an answer
    player = Player(name, Path(picture))
    await player.open()
    report("{}")
    while line := await asyncio.to_thread(sys.stdin.readline):
        signal.alarm(PATIENCE)  # a contender that hangs ends here, and the run says which one it was
        report(json.dumps(await player.sample(**json.loads(line))))
        signal.alarm(0)
    await player.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
