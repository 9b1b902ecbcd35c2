"""Split or not, over how many strips, and what the sentence says."""

from dataclasses import replace

import pytest

from actors.split.agreement import group_of, why_waiting, working_group
from actors.split.decide import Peer, Work, decide, remote_seconds, tiles_for
from actors.split.messages import WorkerCard

NEAR = Peer(host="a", host_cores=8, parallel=1, ratio=1.0, rtt=0.0005, bandwidth=1e9)
FAR = replace(NEAR, host="b", rtt=0.02, bandwidth=50e6 / 8)
HEAVY = Work(here=2.0, one_thread=2.0, bytes_in=12_000_000, bytes_out=12_000_000)
CHEAP = replace(HEAVY, here=0.02, one_thread=0.02)


def test_heavy_work_is_split_over_near_workers_and_the_sentence_compares() -> None:
    decision = decide("auto", HEAVY, [NEAR] * 4)
    assert decision.split
    assert decision.why.startswith("split over 4 workers: about ")
    assert decision.why.endswith("against 2000 ms here")


def test_cheap_work_stays_here_when_the_line_is_slow() -> None:
    decision = decide("auto", CHEAP, [FAR] * 4)
    assert not decision.split
    assert decision.why.startswith("splitting does not pay (about ")


def test_without_workers_auto_works_alone() -> None:
    assert decide("auto", HEAVY, []).why == "no worker is there: worked by the master alone"


def test_always_splits_even_where_it_does_not_pay() -> None:
    decision = decide("always", CHEAP, [FAR])
    assert (decision.split, decision.why) == (True, "split over 1 worker, as asked")


def test_never_works_alone_whatever_the_workers() -> None:
    decision = decide("never", HEAVY, [NEAR] * 8)
    assert (decision.split, decision.why) == (False, "worked by the master alone, as asked")


def test_an_operator_that_needs_the_whole_picture_is_never_split() -> None:
    decision = decide("always", replace(HEAVY, whole="equalize needs the whole picture"), [NEAR])
    assert (decision.split, decision.why) == (False, "equalize needs the whole picture: worked by the master alone")


def test_workers_of_one_machine_are_worth_no_more_than_its_cores() -> None:
    two_cores = replace(NEAR, host_cores=2)
    assert remote_seconds(HEAVY, [two_cores] * 8) >= HEAVY.one_thread / 2
    elsewhere = [replace(two_cores, host=str(n)) for n in range(8)]
    assert remote_seconds(HEAVY, elsewhere) < HEAVY.one_thread / 4


@pytest.mark.parametrize(
    ("height", "lanes", "asked", "tiles"),
    [(3000, 3, 0, 6), (3000, 3, 20, 20), (64, 3, 0, 2), (1, 3, 0, 1), (1, 3, 9, 1), (5, 8, 8, 5), (3000, 0, 0, 2)],
)
def test_strips_are_few_and_never_more_than_rows(height: int, lanes: int, asked: int, tiles: int) -> None:
    assert tiles_for(height, [NEAR] * lanes, asked) == tiles


def test_uneven_speeds_get_more_strips_to_even_out() -> None:
    assert tiles_for(3000, [NEAR, replace(NEAR, ratio=0.3)]) == 6


def card(name: str, cv2: str = "5.0.0", digest: str = "d" * 64) -> WorkerCard:
    return WorkerCard(name=name, host="a", host_cores=2, parallel=1, speed=100.0, cv2=cv2, digest=digest)


def cards(*all_cards: WorkerCard) -> dict[str, WorkerCard]:
    return {each.name: each for each in all_cards}


def test_the_largest_group_that_agrees_works() -> None:
    old, new = card("old", cv2="4.14.0"), card("new")
    assert working_group(cards(old, new, card("new2")), own=group_of(old)) == group_of(new)


def test_the_masters_own_kind_wins_a_draw() -> None:
    old, new = card("old", cv2="4.14.0"), card("new")
    assert working_group(cards(old, new), own=group_of(old)) == group_of(old)
    assert working_group(cards(old, new), own=group_of(new)) == group_of(new)


def test_those_who_wait_are_told_what_differs() -> None:
    working = group_of(card("new"))
    assert why_waiting(card("new"), working) == ""
    assert why_waiting(card("old", cv2="4.14.0"), working) == "its OpenCV is 4.14.0, the working group's is 5.0.0"
    assert "(digest eeeeeeee)" in why_waiting(card("odd", digest="e" * 64), working)
