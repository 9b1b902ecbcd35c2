"""What is measured of a contender of the queue rows, and how much time that may take."""

from __future__ import annotations

from dataclasses import dataclass

RATES = (5, 20, 50)  # requests a second, whatever becomes of them; the first leaves everybody idle between two


@dataclass(frozen=True, slots=True)
class Load:
    """Repeats of the full load and seconds each, seconds at each rate, and MB of log in the last column."""

    repeats: int
    seconds: float
    rate_seconds: float
    log_mb: int = 20


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one contender at full load: requests served a second, API requests and seconds of CPU for each.

    `grown` is the CPU with a long log. `latency` is (p50, p95) in seconds by rate. Empty where it was not measured.
    """

    rate: float
    requests: float | None
    cpu: float
    grown: float
    latency: dict[int, tuple[float, float]]
