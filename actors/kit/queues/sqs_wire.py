"""SQS's forms as pure functions: entries of batches, what an answer says of each, messages, and refusals as Problems.

Nothing here calls anything; `sqs_calls.py` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from actors.kit.aws import error_code, error_words, translate
from actors.kit.queues.base import (
    MAX_BATCH,
    MAX_BYTES,
    Draft,
    Message,
    NoSuchQueue,
    QueueDenied,
    QueueUnavailable,
)
from runtime.errors import Problem

FIFO = ".fifo"
GROUP = "brume"  # of drafts that name none: on a FIFO queue they keep their order among themselves
MISSING = ("NonExistentQueue", "QueueDoesNotExist")
TROUBLES = {
    "throttled": ("throttles", "it is asked again, more slowly"),
    "unreachable": ("cannot be reached", "is it running, and is endpoint_url right?"),
    "failed": ("fails", "it is asked again"),
}

Entry = dict[str, Any]


def batches(sizes: Sequence[int]) -> list[range]:
    """Entries of these sizes in bytes as requests: each a run of at most 10 entries and 256 KiB."""
    runs: list[range] = []
    start = taken = 0
    for at, size in enumerate(sizes):
        if at > start and (at - start == MAX_BATCH or taken + size > MAX_BYTES):
            runs.append(range(start, at))
            start, taken = at, 0
        taken += size
    return [*runs, range(start, len(sizes))] if sizes else []


def draft_entry(draft: Draft, *, fifo: bool) -> Entry:
    """A draft as SendMessageBatch takes it, but for its Id."""
    entry: Entry = {"MessageBody": draft.body}
    if draft.attributes:
        entry["MessageAttributes"] = {
            name: {"DataType": "String", "StringValue": value} for name, value in draft.attributes.items()
        }
    if fifo:
        entry["MessageGroupId"] = draft.group or GROUP
        entry["MessageDeduplicationId"] = draft.dedupe or hashlib.sha256(draft.body.encode()).hexdigest()
    return entry


def message_of(received: Mapping[str, Any]) -> Message:
    """A received message; attributes that are not text are left out."""
    system = received.get("Attributes", {})
    attributes = received.get("MessageAttributes", {})
    return Message(
        id=received["MessageId"],
        body=received.get("Body", ""),
        attributes={name: value["StringValue"] for name, value in attributes.items() if "StringValue" in value},
        sent_at=int(system.get("SentTimestamp", 0)),
        receives=int(system.get("ApproximateReceiveCount", 1)),
        receipt=received["ReceiptHandle"],
    )


def outcomes(answer: Mapping[str, Any], ids: Sequence[int], refused: type[Problem]) -> dict[int, str | Problem]:
    """What a batch's answer says of each Id: a message id (empty where there is none), or why not.

    A failure by the sender's fault is of the type `refused`. One of the server's, or an entry the answer forgot, is
    QueueUnavailable: it may be tried again.
    """
    found: dict[int, str | Problem] = {
        each: QueueUnavailable("the queue's answer says nothing of this message") for each in ids
    }
    found |= {int(done["Id"]): str(done.get("MessageId", "")) for done in answer.get("Successful", ())}
    found |= {int(failed["Id"]): _entry_problem(failed, refused) for failed in answer.get("Failed", ())}
    return found


def _entry_problem(failed: Mapping[str, Any], refused: type[Problem]) -> Problem:
    words = f"{failed.get('Code', 'error')}: {failed.get('Message') or 'no reason given'}"
    return refused(words) if failed.get("SenderFault") else QueueUnavailable(words)


def problem_of(error: Exception, name: str, refused: type[Problem] = QueueUnavailable) -> Problem:
    """What a failed call on the queue `name` means; `refused` is the type of the server's no to this very call."""
    words = error_words(error)
    if is_missing(error):
        return no_such_queue(name)
    kind = translate(error)
    if kind == "refused":
        return refused(f"queue {name!r}: {words}")
    if kind == "expired":
        hint = "renew the credentials; they are read again at the next attempt"
        return QueueDenied(f"the queue service does not take these credentials: {words}", hint=hint)
    if kind == "denied":
        return QueueDenied(f"queue {name!r}: {words}", hint="the role or user needs rights on this queue")
    happened, hint = TROUBLES[kind]
    return QueueUnavailable(f"the queue service {happened}: {words}", hint=hint)


def is_missing(error: Exception) -> bool:
    return error_code(error).rpartition(".")[2] in MISSING


def no_such_queue(name: str) -> NoSuchQueue:
    return NoSuchQueue(f"there is no queue {name!r}", hint="create it, or add create=true to the queue's URL")
