"""Takes the call rows of all contenders, interleaved: each repeat asks everyone once, so that drift hits all alike."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median

from bench import calls
from bench.calls.contender import FAULTS, LOCAL, REMOTE

Value = float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to measure: repeats of each sample, its seconds, repeats of a kill."""

    repeats: int
    seconds: float
    kills: int


class Measured:
    """The measuring process of one contender."""

    def __init__(self, name: str) -> None:
        self.name, self.rows = name, calls.load(name).rows
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.calls.player", name, "measure"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def sample(self, row: str, seconds: float) -> Value:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"row": row, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended while measuring {row!r}")
        value: Value = json.loads(answer)["value"]
        return value

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def run(names: list[str], budget: Budget) -> dict[str, dict[str, Value]]:
    """Measure; gives row -> contender -> median: calls per second, or seconds for the fault rows (None: unnoticed)."""
    with ExitStack() as held:
        measured = [held.enter_context(closing(Measured(name))) for name in names]
        samples = _samples(measured, budget)
    return {row: {name: _middle(values) for name, values in by.items()} for row, by in samples.items()}


def _samples(measured: list[Measured], budget: Budget) -> dict[str, dict[str, list[Value]]]:
    samples: dict[str, dict[str, list[Value]]] = {row: {} for row in (*LOCAL, *REMOTE, *FAULTS)}

    def take(one: Measured, row: str) -> None:
        if row in one.rows:
            samples[row].setdefault(one.name, []).append(one.sample(row, budget.seconds))

    for repeat in range(budget.repeats):
        for row in (*LOCAL, *REMOTE):
            # Whoever goes first in a repeat goes last in the next one.
            for one in measured if repeat % 2 else reversed(measured):
                take(one, row)
    for _ in range(budget.kills):
        for one in measured:
            take(one, "kill noticed")
    # Waiting for a freeze to be noticed costs no CPU: all wait at once.
    with ThreadPoolExecutor(len(measured)) as pool:
        list(pool.map(lambda one: take(one, "freeze noticed"), measured))
    return samples


def _middle(values: list[Value]) -> Value:
    known = [value for value in values if value is not None]
    return median(known) if known else None
