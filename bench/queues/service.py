"""A contender's process seen from outside: started, paused, its CPU and its requests read, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.measured import cpu_of
from bench.queues.contender import Contender, Place
from bench.queues.counted import NUMBERS, Counts

STOP_SECONDS = 45


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used so far: seconds of CPU, requests to queues, requests to the store."""

    cpu: float
    queues: int
    stores: int

    def __sub__(self, other: Used) -> Used:
        return Used(self.cpu - other.cpu, self.queues - other.queues, self.stores - other.stores)


class Service:
    """The process of one contender at its place; what it prints lands in `log.txt` of the place's folder."""

    def __init__(self, name: str, contender: Contender, place: Place) -> None:
        self.name = name
        self.contender = contender
        self.place = place
        folder = Path(place.folder)
        self._log = folder / "log.txt"
        counts = folder / "counts"
        counts.write_bytes(bytes(NUMBERS.size))
        self._counts = Counts(counts)
        command = ["bench.queues.counted", str(counts), place.queues, *contender.command(place)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def used(self) -> Used:
        """So far, idle time included. RuntimeError with its last words when the process has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended while it was measured:\n{self._log.read_text()[-2000:]}")
        return Used(cpu_of(self._process.pid), *self._counts.read())

    def pause(self) -> None:
        """It does nothing until it is resumed; what servers send it meanwhile waits in its sockets."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Let it end, by force if it will not."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
