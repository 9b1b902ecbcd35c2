"""The words of the schedule: attempts at tiles, and the instructions it gives about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Policy:
    """Times in seconds. A tile straggles after `patience` times the job's typical tile, but not before
    `least_patience`."""

    patience: float = 2.0
    least_patience: float = 0.1
    rest: float = 0.5
    quarantine: float = 5.0
    longest_quarantine: float = 300.0
    failures: int = 4


@dataclass(frozen=True)
class Attempt:
    """One sending of a tile to a worker; `number` is unique."""

    job: str
    tile: int
    worker: str
    number: int
    duplicate: bool = False


@dataclass(frozen=True)
class Assign:
    """Send the tile."""

    attempt: Attempt


@dataclass(frozen=True)
class Revoke:
    """Cancel the attempt; its outcome counts no more."""

    attempt: Attempt


@dataclass(frozen=True)
class Resend:
    """The tile lost its last attempt and is unassigned again."""

    attempt: Attempt
    reason: str


@dataclass(frozen=True)
class Finished:
    """Every tile of the job is done; the schedule has forgotten it."""

    job: str


@dataclass(frozen=True)
class Stranded:
    """No worker that may work the job is there now: all are lost or quarantined."""

    job: str


@dataclass(frozen=True)
class Hopeless:
    """One tile failed on as many attempts as the policy allows."""

    job: str
    reason: str


Instruction: TypeAlias = Assign | Revoke | Resend | Finished | Stranded | Hopeless
