"""When merging a day pays, and how much of it at once: a pure decision over what is listed.

A merge reads and writes the whole object of a day, so it waits until enough has gathered: each byte is then written a
few times in all, whatever the rate, and never once a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actors.kit.stores.base import Entry

Step = Literal["wait", "merge", "join"]


@dataclass(frozen=True)
class MergePace:
    """`gather` and `longest` in seconds, the sizes in bytes.

    After a merge that took t seconds the next one of that day waits for `rest` × t, at most `longest`. An object of
    `day` bytes or more is not grown further: segments smaller than half of `batch` are then joined with each other.
    """

    gather: float = 5.0
    rest: float = 50.0
    longest: float = 300.0
    share: float = 0.5
    least: int = 256 << 10
    day: int = 64 << 20
    batch: int = 16 << 20
    most: int = 1000


@dataclass(frozen=True)
class Backlog:
    """What is listed of a day: its segments, oldest first, and the size of its object, 0 when there is none."""

    segments: tuple[Entry, ...]
    size: int


def choose(backlog: Backlog, waited: float, took: float, pace: MergePace) -> tuple[Step, list[Entry]]:
    """What to do with a day whose segments have waited that long and whose last merge took that long, in seconds."""
    full = backlog.size >= pace.day
    fit = [entry for entry in backlog.segments if not full or entry.size < pace.batch // 2]
    chosen = _first(fit, pace)
    if len(chosen) < (2 if full else 1):
        return "wait", []
    enough = sum(entry.size for entry in fit) >= max(pace.least, pace.share * backlog.size)
    if not enough and waited < max(pace.gather, min(pace.longest, pace.rest * took)):
        return "wait", chosen
    return ("join" if full else "merge"), chosen


def _first(entries: Sequence[Entry], pace: MergePace) -> list[Entry]:
    """As many as fit one merge, at least one."""
    chosen: list[Entry] = []
    size = 0
    for entry in entries[: pace.most]:
        size += entry.size
        if chosen and size > pace.batch:
            break
        chosen.append(entry)
    return chosen
