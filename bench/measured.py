"""A contender's own process, how to ask it for samples, and what CPU a process has used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any


class Measured:
    """`python -m MODULE ARGS`, which answers each JSON line on stdin with one on stdout."""

    def __init__(self, name: str, module: str, *args: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **order: Any) -> dict[str, Any]:
        """One sample; RuntimeError when the process ended over it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended while it was measured")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """Let it end, by force if it will not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def cpu_of(pid: int) -> float:
    """Seconds of CPU a process has used; its clock's number is made as clock_getcpuclockid(3) does on Linux."""
    return time.clock_gettime((~pid << 3) | 2)
