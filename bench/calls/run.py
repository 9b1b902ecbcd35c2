"""Takes the call rows of all contenders, interleaved: each repeat asks everyone once, so that drift hits all alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median

from bench import calls
from bench.calls.contender import FAULTS, LOCAL, REMOTE
from bench.measured import Measured

Value = float | None


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to measure: repeats of each sample, its seconds, repeats of a kill."""

    repeats: int
    seconds: float
    kills: int


def run(names: list[str], budget: Budget) -> dict[str, dict[str, Value]]:
    """Measure; gives row -> contender -> median: calls per second, or seconds for the fault rows (None: unnoticed)."""
    with ExitStack() as held:
        started = [held.enter_context(closing(Measured(name, "bench.calls.player", name, "measure"))) for name in names]
        samples = _samples(started, budget)
    return {row: {name: _middle(values) for name, values in by.items()} for row, by in samples.items()}


def _samples(started: list[Measured], budget: Budget) -> dict[str, dict[str, list[Value]]]:
    samples: dict[str, dict[str, list[Value]]] = {row: {} for row in (*LOCAL, *REMOTE, *FAULTS)}

    def take(one: Measured, row: str) -> None:
        if row in calls.load(one.name).rows:
            value = one.ask(row=row, seconds=budget.seconds)["value"]
            samples[row].setdefault(one.name, []).append(value)

    for repeat in range(budget.repeats):
        for row in (*LOCAL, *REMOTE):
            # Whoever goes first in a repeat goes last in the next one.
            for one in started if repeat % 2 else reversed(started):
                take(one, row)
    for _ in range(budget.kills):
        for one in started:
            take(one, "kill noticed")
    # Waiting for a freeze to be noticed costs no CPU: all wait at once.
    with ThreadPoolExecutor(len(started)) as pool:
        list(pool.map(lambda one: take(one, "freeze noticed"), started))
    return samples


def _middle(values: list[Value]) -> Value:
    known = [value for value in values if value is not None]
    return median(known) if known else None
