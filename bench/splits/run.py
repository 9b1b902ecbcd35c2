"""Takes the split rows of all contenders, interleaved, on one drawn picture."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import parse_pipeline
from actors.split.demo_picture import HEIGHT, WIDTH, draw
from bench.measured import Measured
from bench.splits.contender import ROWS


@dataclass(frozen=True, slots=True)
class Work:
    """Medians of one contender on one row: seconds, seconds of CPU in all its processes, pixels that are wrong."""

    wall: float
    cpu: float
    wrong: int


@dataclass(frozen=True, slots=True)
class Result:
    """row -> contender -> work, and contender -> peak memory of the process that asked, above idle, in pictures."""

    rows: dict[str, dict[str, Work]]
    memory: dict[str, float]


def run(names: list[str], repeats: int, scale: float = 1.0) -> Result:
    """Measure; `scale` shrinks the picture's sides from 4000 x 3000."""
    with tempfile.TemporaryDirectory(prefix="brume-bench-") as folder, ExitStack() as held:
        picture = _prepare(Path(folder), scale)
        started = [
            held.enter_context(closing(Measured(name, "bench.splits.player", name, str(picture)))) for name in names
        ]
        for one in started:
            one.answer()
        memory = {one.name: float(one.ask(row="gauss + sobel", what="memory")["memory"]) for one in started}
        wrong = {(one.name, row): int(one.ask(row=row, what="wrong")["wrong"]) for one in started for row in ROWS}
        samples: dict[tuple[str, str], list[dict[str, float]]] = {}
        for repeat in range(repeats):
            for row in ROWS:
                for one in started if repeat % 2 else reversed(started):
                    samples.setdefault((one.name, row), []).append(one.ask(row=row, what="time"))
    return Result(
        {
            row: {
                name: Work(
                    median(sample["wall"] for sample in samples[name, row]),
                    median(sample["cpu"] for sample in samples[name, row]),
                    wrong[name, row],
                )
                for name in names
            }
            for row in ROWS
        },
        memory,
    )


def _prepare(folder: Path, scale: float) -> Path:
    """The grey picture as a file, and beside it what each operator makes of it on this machine alone."""
    picture = cv2.cvtColor(draw(7, int(WIDTH * scale), int(HEIGHT * scale)), cv2.COLOR_BGR2GRAY)
    for row, operator in ROWS.items():
        np.save(folder / f"{row}.npy", parse_pipeline(operator).apply(picture))
    np.save(folder / "picture.npy", picture)
    return folder / "picture.npy"
