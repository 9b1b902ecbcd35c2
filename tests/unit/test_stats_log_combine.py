"""Lines of segments and of a day's object become one object: each request once, in order, nothing lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.stats.log.combine import Combined, combine
from actors.stats.log.records import LogRecord, record_line
from tests.support.campaign import examples

DAMAGED = b'{"request":"a1","sent_a\n'

numbered = st.lists(st.integers(0, 60), max_size=30)
segments = st.lists(numbered, max_size=6)


def line(number: int) -> bytes:
    """The same message for the same number; many are sent in the same millisecond."""
    return record_line(LogRecord(f"r{number % 7}-{number}", 1000 + number // 4, "1 2" * (number % 5), "{}"))


def lines(numbers: list[int]) -> bytes:
    return b"".join(line(number) for number in numbers)


def by_time(numbers: set[int]) -> bytes:
    return b"".join(line(number) for number in sorted(numbers, key=lambda n: (n // 4, f"r{n % 7}-{n}")))


@given(segments, segments)
@settings(max_examples=examples(300))
def test_merging_in_any_portions_gives_each_request_once_in_order(
    first: list[list[int]], then: list[list[int]]
) -> None:
    day = combine(b"", map(lines, first))
    assert day == Combined(by_time({n for each in first for n in each}), len({n for each in first for n in each}))
    new = {n for each in then for n in each} - {n for each in first for n in each}
    both = combine(day.data, map(lines, then))
    assert both == Combined(by_time({n for each in [*first, *then] for n in each}), len(new))


def test_what_was_merged_already_changes_nothing() -> None:
    day = combine(b"", [lines([1, 2, 3])]).data
    assert combine(day, [lines([3]), lines([1, 2])]) == Combined(day, 0)
    assert combine(day, []) == Combined(day, 0)


def test_only_the_end_of_a_long_day_is_read_for_new_messages() -> None:
    day = by_time(set(range(40)))
    spoiled = b"\xff" + day[1:]  # never looked at, so not recognised as damaged and moved
    assert combine(spoiled, [line(50)]).data == spoiled + line(50)


def test_a_damaged_line_is_kept_once_at_the_end() -> None:
    day = combine(b"", [lines([1]) + DAMAGED, lines([2])])
    assert day.data == lines([1, 2]) + DAMAGED
    again = combine(day.data, [DAMAGED, lines([3])])
    assert again == Combined(lines([1, 2, 3]) + DAMAGED, 1)


def test_a_damaged_line_amid_a_day_hides_no_message_behind_it() -> None:
    day = lines([4]) + DAMAGED + lines([12, 16, 20])
    merged = combine(day, [lines([8, 16, 24])])
    assert merged == Combined(lines([4, 8, 12, 16, 20, 24]) + DAMAGED, 2)


def test_a_last_line_without_its_end_does_not_run_into_the_next() -> None:
    assert combine(lines([4]).rstrip(b"\n"), [lines([8])]).data == lines([4, 8])
    assert combine(b"", [lines([4]).rstrip(b"\n"), lines([8])]).data == lines([4, 8])
