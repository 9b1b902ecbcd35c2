"""The statistics are exact: each the float nearest to the true value."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.stats.summary import Summary, summarize
from tests.support.campaign import examples

series = st.lists(st.floats(min_value=0, allow_infinity=False), min_size=1, max_size=10)


def test_one_number_is_its_own_mean_median_maximum_and_minimum() -> None:
    assert summarize([2.5]) == Summary(1, 2.5, 2.5, 2.5, 2.5)


def test_the_median_of_an_even_count_is_the_mean_of_the_middle_two() -> None:
    assert summarize([9.0, 1.0, 4.0, 2.0]) == Summary(4, 4.0, 3.0, 9.0, 1.0)


def test_numbers_whose_sum_is_no_float_have_finite_statistics() -> None:
    assert summarize([1e308] * 10) == Summary(10, 1e308, 1e308, 1e308, 1e308)


def test_small_numbers_beside_large_ones_are_not_lost() -> None:
    assert summarize([1e16, 1.0, 1.0]).mean == float(Fraction(10**16 + 2, 3))
    assert summarize([0.1] * 10).mean == 0.1


def test_the_smallest_floats_are_halved_right() -> None:
    assert summarize([5e-324, 1e-323]).median == float(Fraction(3, 2) * Fraction(5e-324))


@given(series)
@settings(max_examples=examples(300))
def test_the_order_does_not_count_and_the_statistics_lie_within(numbers: list[float]) -> None:
    found = summarize(numbers)
    assert found == summarize(numbers[::-1])
    assert found.min <= found.median <= found.max
    assert found.min <= found.mean <= found.max
    assert math.isfinite(found.mean)


@given(series)
@settings(max_examples=examples(300))
def test_no_float_is_nearer_to_the_true_mean(numbers: list[float]) -> None:
    true = sum(map(Fraction, numbers), Fraction()) / len(numbers)
    mean = summarize(numbers).mean
    for other in (math.nextafter(mean, 0.0), math.nextafter(mean, math.inf)):
        assert not math.isfinite(other) or abs(Fraction(mean) - true) <= abs(Fraction(other) - true)
