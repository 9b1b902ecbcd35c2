"""SQS's forms: batches by count and size, entries, what an answer says of each, and refusals as Problems."""

from __future__ import annotations

import hashlib

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from hypothesis import given
from hypothesis import strategies as st

from actors.kit.queues import open_broker
from actors.kit.queues.base import (
    MAX_BYTES,
    Draft,
    MessageRefused,
    NoSuchQueue,
    QueueDenied,
    QueueUnavailable,
    ReceiptStale,
)
from actors.kit.queues.sqs_wire import batches, draft_entry, message_of, outcomes, problem_of
from runtime.errors import Problem


def answered(code: str, status: int = 400) -> ClientError:
    """What a client raises for this answer of the server."""
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendMessageBatch")


@given(st.lists(st.integers(1, MAX_BYTES)))
def test_batches_hold_every_entry_once_in_order_within_both_limits(sizes: list[int]) -> None:
    runs = batches(sizes)

    assert [at for run in runs for at in run] == list(range(len(sizes)))
    assert all(1 <= len(run) <= 10 and sum(sizes[run.start : run.stop]) <= MAX_BYTES for run in runs)


def test_small_entries_leave_in_tens() -> None:
    assert [len(run) for run in batches([1] * 25)] == [10, 10, 5]


def test_a_draft_for_a_fifo_queue_has_a_group_and_is_a_duplicate_of_its_body() -> None:
    entry = draft_entry(Draft("1 2 3"), fifo=True)

    assert entry["MessageGroupId"] == "brume"
    assert entry["MessageDeduplicationId"] == hashlib.sha256(b"1 2 3").hexdigest()


def test_a_draft_names_its_own_group_and_duplicates() -> None:
    entry = draft_entry(Draft("1", group="g", dedupe="d"), fifo=True)

    assert (entry["MessageGroupId"], entry["MessageDeduplicationId"]) == ("g", "d")


def test_group_and_dedupe_stay_at_home_on_a_standard_queue() -> None:
    assert draft_entry(Draft("1", {"client": "c"}, group="g", dedupe="d"), fifo=False) == {
        "MessageBody": "1",
        "MessageAttributes": {"client": {"DataType": "String", "StringValue": "c"}},
    }


def test_a_received_message_keeps_its_text_attributes_only() -> None:
    message = message_of({
        "MessageId": "m", "Body": "1 2", "ReceiptHandle": "r",
        "Attributes": {"SentTimestamp": "1700000000123", "ApproximateReceiveCount": "2"},
        "MessageAttributes": {
            "client": {"DataType": "String", "StringValue": "c"},
            "blob": {"DataType": "Binary", "BinaryValue": b"\x00"},
        },
    })  # fmt: skip

    assert (message.sent_at, message.receives, message.attributes) == (1700000000123, 2, {"client": "c"})


def test_an_entry_fails_for_good_by_its_own_fault_and_for_now_by_the_servers() -> None:
    answer = {
        "Successful": [{"Id": "0", "MessageId": "m"}],
        "Failed": [
            {"Id": "1", "SenderFault": True, "Code": "InvalidMessageContents"},
            {"Id": "2", "SenderFault": False, "Code": "InternalError"},
        ],
    }

    found = outcomes(answer, [0, 1, 2], MessageRefused)

    assert found[0] == "m"
    assert [type(found[at]) for at in (1, 2)] == [MessageRefused, QueueUnavailable]


def test_an_entry_the_answer_forgot_is_not_taken_for_done() -> None:
    assert isinstance(outcomes({}, [0], ReceiptStale)[0], QueueUnavailable)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (answered("ThrottlingException"), QueueUnavailable),
        (answered("RequestThrottled", 403), QueueUnavailable),
        (answered("InternalFailure", 500), QueueUnavailable),
        (answered("<!doctype html>", 502), QueueUnavailable),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), QueueUnavailable),
        (ConnectionResetError(), QueueUnavailable),
        (TimeoutError(), QueueUnavailable),
        (answered("ExpiredTokenException", 403), QueueDenied),
        (answered("InvalidClientTokenId", 403), QueueDenied),
        (answered("AccessDeniedException"), QueueDenied),
        (NoCredentialsError(), QueueDenied),
        (NoRegionError(), QueueDenied),
        (answered("AWS.SimpleQueueService.NonExistentQueue"), NoSuchQueue),
        (answered("QueueDoesNotExist"), NoSuchQueue),
        (answered("InvalidParameterValue"), MessageRefused),
    ],
)
def test_a_failed_call_is_a_problem_of_the_port(error: Exception, problem: type[Problem]) -> None:
    found = problem_of(error, "lab2", MessageRefused)

    assert type(found) is problem
    assert "\n" not in found.message


@pytest.mark.parametrize(
    "url",
    [
        "sqs://?endpoint=http://127.0.0.1:1",
        "sqs://?create=yes",
        "sqs://?endpoint_url=127.0.0.1:9324",
        "sqs://lab2",
    ],
)
def test_a_url_with_a_typo_is_an_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"^'sqs:"):
        open_broker(url)
