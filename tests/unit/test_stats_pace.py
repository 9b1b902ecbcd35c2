"""How many long polls run, what a poller keeps hidden, and where what it cannot answer goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.kit.queues.base import Message
from actors.kit.retry import pause_after
from actors.stats.actor import dead_letters_of
from actors.stats.held import Held
from actors.stats.pace import Pace


def message(receipt: str, body: str = "1") -> Message:
    return Message(id="m", body=body, attributes={}, sent_at=0, receives=1, receipt=receipt)


def test_full_receives_bring_more_polls_up_to_the_most() -> None:
    pace = Pace(3)
    seen = []
    for _ in range(4):
        pace.brought(10, 10)
        seen.append(pace.polls)
    assert seen == [2, 3, 3, 3]


def test_a_calm_queue_gets_one_poll() -> None:
    pace = Pace(8)
    for _ in range(5):
        pace.brought(10, 10)
    for brought in (4, 0, 1, 0, 0, 0):
        pace.brought(brought, 10)
    assert pace.polls == 1


def test_a_failed_receive_leaves_one_poll_to_ask_again() -> None:
    pace = Pace(8)
    for _ in range(5):
        pace.brought(10, 10)
    pace.failed()
    assert pace.polls == 1


@given(st.lists(st.one_of(st.integers(0, 10), st.none())), st.integers(1, 64))
def test_there_is_always_a_poll_and_never_more_than_the_most(receives: list[int | None], most: int) -> None:
    pace = Pace(most)
    for brought in receives:
        pace.failed() if brought is None else pace.brought(brought, 10)
        assert 1 <= pace.polls <= most


def test_what_comes_out_of_hiding_soon_is_due_and_what_was_extended_is_not() -> None:
    held = Held()
    held.add([message("a"), message("b")], until=30)
    held.extend([message("b")], until=60)
    assert held.due(until=40) == [message("a")]


def test_a_message_let_go_does_not_come_back_by_its_extension() -> None:
    held = Held()
    held.add([message("a", "12345")], until=30)
    assert (len(held), held.bytes) == (1, 5)
    held.drop(message("a", "12345"))
    held.extend([message("a", "12345")], until=60)
    held.drop(message("a", "12345"))
    assert (len(held), held.bytes, held.due(until=99)) == (0, 0, [])


def test_a_message_received_twice_is_held_under_both_receipts() -> None:
    held = Held()
    held.add([message("old")], until=30)
    held.add([message("new")], until=60)
    held.drop(message("old"))
    assert held.all() == [message("new")]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_their_longest_and_are_spread_over_their_upper_half(failures: int, jitter: float) -> None:
    whole = min(20.0, 0.2 * 2 ** min(failures - 1, 30))
    assert whole / 2 <= pause_after(failures, jitter) <= whole


def test_the_dead_letters_of_a_fifo_queue_are_fifo_too() -> None:
    assert dead_letters_of("lab2") == "lab2_dead"
    assert dead_letters_of("lab2.fifo") == "lab2_dead.fifo"
