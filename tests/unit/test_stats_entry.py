"""The dialogue of the client, line by line, and how replies are worded."""

from __future__ import annotations

import pytest

from actors.kit.queues.base import Message
from actors.stats.entry import ANOTHER, Entry, Say, Send
from actors.stats.inbox import Arrival
from actors.stats.messages import ErrorReply, Reply, ReplyError
from actors.stats.wording import fields_of, line_of, number


def entered(*lines: str) -> tuple[Entry, list[Say | Send]]:
    """A dialogue after these lines, and all it said to do."""
    entry, steps = Entry(), list[Say | Send]()
    for line in lines:
        assert not entry.ended
        steps += entry.line(line)
    return entry, steps


def arrival(reply: Reply | ErrorReply | None, *, body: str = "", ours: bool = True) -> Arrival:
    message = Message(id="m1", body=body, attributes={}, sent_at=0, receives=1, receipt="")
    return Arrival(message, reply, ours)


def test_ten_numbers_make_a_message() -> None:
    entry, steps = entered(*"1234567890")
    assert steps == [Send((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0))]
    assert entry.question == ANOTHER


def test_an_empty_line_ends_the_message_early() -> None:
    entry, steps = entered("1", "2.5", "")
    assert steps == [Send((1.0, 2.5))]
    assert entry.question == ANOTHER


@pytest.mark.parametrize("wrong", ["abc", "-1", "1e309", "nan", "1 2", "1,5", "0x10", "١"])
def test_what_is_no_positive_number_is_reported_and_left_out(wrong: str) -> None:
    _, (told, sent) = entered("1", wrong, "")
    assert isinstance(told, Say)
    assert wrong in told.text
    assert sent == Send((1.0,))


def test_a_wrong_entry_counts_towards_the_ten() -> None:
    entry, steps = entered("1", *["no"] * 9)
    assert steps[-1] == Send((1.0,))
    assert entry.question == ANOTHER
    assert len([step for step in steps if isinstance(step, Say)]) == 9


def test_the_question_says_which_of_the_ten_is_next() -> None:
    assert entered("1", "no")[0].question.startswith("Number 3 of 10")


@pytest.mark.parametrize("lines", [[""], ["  "], ["no"] * 10, ["no", ""]])
def test_an_empty_message_is_not_sent_and_said_so(lines: list[str]) -> None:
    entry, steps = entered(*lines)
    assert steps[-1] == Say("The message is empty and is not sent.")
    assert not [step for step in steps if isinstance(step, Send)]
    assert entry.question == ANOTHER


@pytest.mark.parametrize("yes", ["Y", "y", "y\r"])
def test_y_starts_another_message(yes: str) -> None:
    entry, steps = entered("1", "", yes, "2", "")
    assert steps == [Send((1.0,)), Send((2.0,))]
    assert not entry.ended


@pytest.mark.parametrize("other", ["", "n", "yes", "YY", "1"])
def test_anything_else_ends_the_entry(other: str) -> None:
    entry, steps = entered("1", "", other)
    assert entry.ended
    assert steps == [Send((1.0,))]


def test_when_cut_off_it_says_what_was_not_sent() -> None:
    entry, _ = entered("1", "no", "2.5")
    assert entry.cut_off() == [Say("Not sent, as the message was not ended: 1, 2.5")]
    assert entry.ended


def test_when_cut_off_between_messages_nothing_was_lost() -> None:
    assert entered("1", "")[0].cut_off() == []
    assert entered()[0].cut_off() == []


def test_a_reply_is_one_line_with_all_four_statistics() -> None:
    reply = Reply("r1", "me", (1.0, 2.0, 4.5), 3, 2.5, 2.0, 4.5, 1.0)
    assert line_of(arrival(reply)) == "1, 2, 4.5 → mean 2.5, median 2, max 4.5, min 1"
    assert line_of(arrival(reply, ours=False)).startswith("to nobody: 1, 2, 4.5 → ")


def test_an_error_reply_says_why() -> None:
    refused = ErrorReply("r1", ReplyError("bad_series", "there are no numbers"))
    assert line_of(arrival(refused)) == "refused: there are no numbers"
    assert fields_of(arrival(refused)) == {
        "request": "r1",
        "error": {"code": "bad_series", "message": "there are no numbers"},
    }


def test_what_strangers_wrote_moves_no_cursor_and_is_cut() -> None:
    line = line_of(arrival(None, body="\x1b[2J\r\n" + "x" * 1000, ours=False))
    assert line.isprintable()
    assert len(line) <= 300
    assert fields_of(arrival(None, body="hi")) == {"message": "m1", "body": "hi"}


@pytest.mark.parametrize(("value", "text"), [(2.0, "2"), (0.1, "0.1"), (1e300, "1e+300"), (5e-324, "5e-324")])
def test_numbers_are_as_short_as_they_stay_themselves(value: float, text: str) -> None:
    assert (number(value), float(text)) == (text, value)
