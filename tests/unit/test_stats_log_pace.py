"""When merging a day pays."""

from __future__ import annotations

from actors.kit.stores.base import Entry
from actors.stats.log.pace import Backlog, MergePace, choose

PACE = MergePace(gather=5.0, rest=50.0, share=0.5, least=1000, day=100_000, batch=10_000, most=30)


def backlog(*sizes: int, day: int = 0) -> Backlog:
    return Backlog(tuple(Entry(f"s{number}", size, "", 0.0) for number, size in enumerate(sizes)), day)


def test_a_few_messages_wait_until_more_have_gathered() -> None:
    assert choose(backlog(10, 10), 4.9, 0.0, PACE)[0] == "wait"
    assert choose(backlog(10, 10), 5.0, 0.0, PACE)[0] == "merge"


def test_after_a_long_merge_the_next_one_waits_fifty_times_as_long() -> None:
    assert choose(backlog(10), 99.0, 2.0, PACE)[0] == "wait"
    assert choose(backlog(10), 100.0, 2.0, PACE)[0] == "merge"


def test_no_merge_waits_longer_than_five_minutes_however_long_the_last_one_took() -> None:
    assert choose(backlog(10), 299.0, 44.0, PACE)[0] == "wait"
    assert choose(backlog(10), 300.0, 44.0, PACE)[0] == "merge"


def test_much_is_merged_at_once_and_what_much_is_grows_with_the_day() -> None:
    assert choose(backlog(600, 400), 0.0, 9.0, PACE)[0] == "merge"
    assert choose(backlog(600, 400, day=2002), 0.0, 9.0, PACE)[0] == "wait"
    assert choose(backlog(600, 401, day=2002), 0.0, 9.0, PACE)[0] == "merge"


def test_a_merge_takes_the_oldest_that_fit_and_at_least_one() -> None:
    assert [entry.key for entry in choose(backlog(6000, 4000, 1), 9.0, 0.0, PACE)[1]] == ["s0", "s1"]
    assert [entry.key for entry in choose(backlog(20_000, 1), 9.0, 0.0, PACE)[1]] == ["s0"]
    assert len(choose(backlog(*[1] * 40), 9.0, 0.0, PACE)[1]) == 30


def test_a_full_day_is_not_grown_and_its_small_segments_are_joined() -> None:
    step, chosen = choose(backlog(10, 5000, 10, day=100_000), 9.0, 0.0, PACE)
    assert (step, [entry.key for entry in chosen]) == ("join", ["s0", "s2"])


def test_a_full_day_with_nothing_to_join_waits_for_nothing() -> None:
    assert choose(backlog(10, 5000, day=100_000), 9.0, 0.0, PACE) == ("wait", [])
