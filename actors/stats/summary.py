"""The statistics of a series, exact: computed in whole numbers and rounded once, to the nearest float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """All of them finite whenever the numbers are, also where their sum is not."""

    count: int
    mean: float
    median: float
    max: float
    min: float


def summarize(numbers: Sequence[float]) -> Summary:
    """The statistics of at least one finite number."""
    ordered = sorted(numbers)
    count = len(ordered)
    middle = ordered[(count - 1) // 2 : count // 2 + 1]
    return Summary(count, _mean(ordered), _mean(middle), ordered[-1], ordered[0])


def _mean(numbers: Sequence[float]) -> float:
    ratios = [number.as_integer_ratio() for number in numbers]
    scale = max(denominator for _, denominator in ratios)  # a power of two, as all of them are
    total = sum(numerator * (scale // denominator) for numerator, denominator in ratios)
    return total / (scale * len(numbers))  # a division of ints is rounded once
