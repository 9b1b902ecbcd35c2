"""What the master makes of a worker's link."""

import math

from hypothesis import given
from hypothesis import strategies as st

from actors.split.roster import PROBE, bandwidth

SECONDS = st.floats(0, 10)


@given(SECONDS, SECONDS)
def test_a_bandwidth_is_finite_and_positive_whatever_the_clock_showed(rtt: float, took: float) -> None:
    assert 0 < bandwidth(rtt, took) < math.inf


def test_a_bandwidth_leaves_the_round_trip_out() -> None:
    assert bandwidth(0.25, 0.75) == 2 * PROBE / 0.5
