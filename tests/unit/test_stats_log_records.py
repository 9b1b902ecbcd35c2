"""A message of the log as a line, and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.kit.queues.base import Message
from actors.stats.log.records import LogRecord, day_of, read_line, record, record_line, shown_time
from actors.stats.reply import answer
from tests.support.campaign import examples

REPLY = '{"request":"id-1","error":{"code":"bad_series","message":"no"}}'
LAST_MS = 253402300799999  # 9999-12-31T23:59:59.999Z


def test_a_line_holds_the_request_when_it_was_sent_its_body_and_the_reply_that_left() -> None:
    message = Message("id-1", "1 3", {}, 1_763_690_645_006, 1, "r")
    made = answer(message, "lab2_1")
    line = json.loads(record_line(record(message, made)))
    assert list(line) == ["request", "sent_at", "body", "reply"]
    assert (line["request"], line["sent_at"], line["body"]) == ("id-1", "2025-11-21T02:04:05.006Z", "1 3")
    assert line["reply"] == json.loads(made.draft.body)


@given(st.text(max_size=40), st.integers(0, LAST_MS), st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=examples(300))
@example("id", 0, "a\nb\r\u2028\x00\x1b[2J\x85")
def test_a_record_is_one_line_and_comes_back_whole(request: str, sent_at: int, body: str) -> None:
    logged = LogRecord(request.encode("ascii", "replace").decode(), sent_at, body, REPLY)
    line = record_line(logged)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert read_line(line) == logged


def test_half_a_character_of_a_body_does_not_keep_it_from_the_log() -> None:
    logged = read_line(record_line(LogRecord("id-1", 5, "a\ud800b", REPLY)))
    assert logged == LogRecord("id-1", 5, "a?b", REPLY)


@given(st.integers(0, LAST_MS), st.integers(0, LAST_MS))
@settings(max_examples=examples(200))
def test_times_sort_as_their_texts_do(one: int, other: int) -> None:
    assert (one < other) == (shown_time(one) < shown_time(other))


def test_a_day_is_the_utc_day_the_message_was_sent_on() -> None:
    midnight = 1_763_683_200_000
    assert day_of(LogRecord("a", midnight - 1, "", REPLY)) == "2025-11-20"
    assert day_of(LogRecord("a", midnight, "", REPLY)) == "2025-11-21"


@pytest.mark.parametrize(
    "line",
    [
        b"", b"hello", b"{}", b'{"request":"a","sent_at":"2025-11-21T02:04:05.006Z","body":"1"', b"\xff\xfe",
        b"[" * 99_999,
        b'{"request":"a","sent_at":"yesterday","body":"","reply":{}}',
        b'{"request":"a","sent_at":"2025-11-21T02:04:05","body":"","reply":{}}',
        b'{"request":1,"sent_at":"2025-11-21T02:04:05.006Z","body":"","reply":{}}',
    ],
)  # fmt: skip
def test_a_damaged_line_is_no_record(line: bytes) -> None:
    assert read_line(line) is None
