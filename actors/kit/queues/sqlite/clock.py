"""The queue clock: the time visibility is measured in, which wall-clock jumps, restarts and reboots do not bend.

It is the machine's own counter since boot plus an offset kept in the queue's file. After a reboot the counter starts
anew, so the clock goes on from the last time the file saw: what was hidden stays hidden for what was left of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class QueueTime(msgspec.Struct, frozen=True):
    """What the file knows: of which boot `offset` is, and the last time `seen`; both in µs."""

    boot: str
    offset: int
    seen: int

    def reads(self, ticks: int) -> int:
        """The queue clock when the machine's counter stands at `ticks`."""
        return ticks + self.offset


def adopt(time_kept: QueueTime, boot: str, ticks: int) -> QueueTime:
    """The offset for this boot: as kept, or a new one when the counter started anew (its boot or its value says so)."""
    if time_kept.boot == boot and time_kept.reads(ticks) >= time_kept.seen:
        return time_kept
    return QueueTime(boot, time_kept.seen - ticks, time_kept.seen)


def ticks_since_boot() -> int:
    """µs since boot, sleep of the machine included where it can tell."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


def boot_id() -> str:
    """Which boot this is; empty where the system has no name for it."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""


@dataclass(frozen=True)
class Clocks:
    """The clocks of a broker; tests jump them. `wall` is in seconds since 1970 UTC and only dates messages."""

    ticks: Callable[[], int] = ticks_since_boot
    boot: Callable[[], str] = boot_id
    wall: Callable[[], float] = time.time
