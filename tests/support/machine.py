"""A machine whose clocks a test moves: its counter since boot, its boot, and its wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.kit.queues.sqlite import SqliteBroker
from actors.kit.queues.sqlite.clock import Clocks

EPOCH = 1_700_000_000.0


@dataclass
class Machine:
    """`uptime` in µs, `wall` in seconds since 1970; `looks` counts the transactions of its brokers."""

    uptime: int = 5_000_000
    boots: int = 1
    wall: float = EPOCH
    looks: int = 0

    def broker(self, path: Path, *, patience: float = 10.0) -> SqliteBroker:
        """A broker that goes by these clocks."""
        return SqliteBroker(
            path, clocks=Clocks(self._ticks, lambda: f"boot {self.boots}", lambda: self.wall), patience=patience
        )

    def pass_time(self, seconds: float) -> None:
        """Both clocks go on."""
        self.uptime += round(seconds * 1_000_000)
        self.wall += seconds

    def reboot(self, uptime: int = 0) -> None:
        """The counter starts anew."""
        self.boots += 1
        self.uptime = uptime

    def _ticks(self) -> int:
        self.looks += 1  # a transaction reads the counter once
        return self.uptime
