"""The answer to a request: what it says, where it goes, and that it can always be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.kit.queues.base import Message, check_draft
from actors.stats.messages import ErrorReply, Reply, ReplyError
from actors.stats.reply import LONGEST_CLIENT, answer, read_reply
from tests.support.campaign import examples


def request(body: str, *, receives: int = 1, sent_at: int = 1, receipt: str = "r", **attributes: str) -> Message:
    return Message("id-1", body, attributes, sent_at, receives, receipt)


def said(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer(message, "lab2_1").draft.body)
    return told


def test_a_reply_holds_the_request_the_numbers_and_their_statistics() -> None:
    assert said(request("4 1 2", client="ada")) == {
        "request": "id-1", "client": "ada", "numbers": [4.0, 1.0, 2.0],
        "count": 3, "mean": 7 / 3, "median": 2.0, "max": 4.0, "min": 1.0,
    }  # fmt: skip


def test_a_request_without_a_client_is_answered_to_nobody() -> None:
    made = answer(request("1"), "lab2_1")
    assert json.loads(made.draft.body)["client"] is None
    assert made.draft.attributes == {}


def test_what_is_no_series_is_answered_with_an_error_under_the_clients_name() -> None:
    made = answer(request("hello", client="ada"), "lab2_1")
    assert json.loads(made.draft.body) == {
        "request": "id-1",
        "error": {"code": "bad_series", "message": '"hello" is not a number'},
    }
    assert made.draft.attributes == {"client": "ada"}


def test_a_reply_goes_where_the_request_asks_if_that_is_configured() -> None:
    assert answer(request("1"), "lab2_1", ["mine"]).queue == "lab2_1"
    assert answer(request("1", reply_to="mine"), "lab2_1", ["mine"]).queue == "mine"
    assert answer(request("1", reply_to="lab2_1"), "lab2_1").queue == "lab2_1"


def test_a_reply_queue_that_is_not_configured_gets_nothing_and_the_usual_one_an_error() -> None:
    made = answer(request("1", reply_to="lab2", client="ada"), "lab2_1", ["mine"])
    assert made.queue == "lab2_1"
    assert json.loads(made.draft.body)["error"]["code"] == "not_a_reply_queue"
    assert made.draft.attributes == {"client": "ada"}


def test_a_message_received_again_is_answered_with_the_same_bytes() -> None:
    first = answer(request("0.1 0.2", client="ada"), "lab2_1", ["a", "b"])
    again = answer(request("0.1 0.2", client="ada", receives=7, receipt="other"), "lab2_1", {"b", "a"})
    assert first == again
    assert first.draft.dedupe == "id-1"


@pytest.mark.parametrize(("sent", "kept"), [("a\x01b\x7f", "ab"), ("x" * 9000, "x" * LONGEST_CLIENT), (" \n ", None)])
def test_a_clients_name_is_shortened_and_cleaned_so_that_it_can_be_sent(sent: str, kept: str | None) -> None:
    made = answer(request("1", client=sent), "lab2_1")
    assert json.loads(made.draft.body)["client"] == kept
    assert made.draft.attributes == ({"client": kept} if kept else {})


names = st.text(max_size=300)


@given(names, names, names)
@settings(max_examples=examples(300))
@example("9" * (256 << 10), "c" * 10_000, "q" * 10_000)
@example('{"' + "x" * (255 << 10) + '": 1}', "🎉" * 300, "\x00")
@example("\ud800\x01", "\ud800", "\ud800")
def test_whatever_was_sent_the_answer_is_small_ascii_and_sendable(body: str, client: str, reply_to: str) -> None:
    made = answer(request(body, client=client, reply_to=reply_to), "lab2_1")
    assert check_draft(made.draft) is None
    assert made.draft.body.isascii()
    assert len(made.draft.body) < 3000
    assert read_reply(made.draft.body) is not None
    assert made.queue == "lab2_1"


def test_a_receiver_reads_replies_and_errors_and_nothing_else() -> None:
    assert read_reply(answer(request("2"), "lab2_1").draft.body) == Reply("id-1", None, (2.0,), 1, 2.0, 2.0, 2.0, 2.0)
    refused = read_reply(answer(request(""), "lab2_1").draft.body)
    assert refused == ErrorReply("id-1", ReplyError("bad_series", "there are no numbers"))
    for strange in ("", "hello", "{}", "[]", "[" * 100_000, '{"request": "x"}', "\ud800", '{"request": 1, "error": 2}'):
        assert read_reply(strange) is None
