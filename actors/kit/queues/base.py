"""The queue port: what a backend promises, the messages that pass it, and the errors it raises.

No backend is named here, and nothing here waits. One contract suite (`tests/contract/test_queues_*.py`) holds every
backend to these docstrings. Delivery is at least once: a message that was received comes back when its visibility
ends before it was settled.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

import msgspec

from runtime.errors import Problem

MAX_BYTES = 256 << 10  # a message with its attributes; what every SQS-compatible server takes
MAX_BATCH = 10  # messages one receive may give
_UNSENDABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class QueueUnavailable(Problem):
    """The queue cannot be reached, throttles, or fails; trying later may help."""

    code = "queue_unavailable"
    status = 503


class NoSuchQueue(Problem):
    """No queue of that name, and it is not to be created."""

    code = "no_such_queue"
    status = 404


class QueueDenied(Problem):
    """The credentials are missing, expired or not allowed to do this."""

    code = "queue_denied"
    status = 403


class MessageRefused(Problem):
    """A message no queue takes: too large, empty, or with characters that cannot be sent."""

    code = "message_refused"
    status = 422


class ReceiptStale(Problem):
    """The message was settled, or was handed out again after its visibility had ended."""

    code = "receipt_stale"
    status = 422


class Draft(msgspec.Struct, frozen=True):
    """A message to send. `group` and `dedupe` count on FIFO queues only."""

    body: str
    attributes: Mapping[str, str] = {}
    group: str = ""
    dedupe: str = ""


class Message(msgspec.Struct, frozen=True):
    """A received message. `sent_at` is in ms since 1970 UTC; `receives` counts this receive too."""

    id: str
    body: str
    attributes: Mapping[str, str]
    sent_at: int
    receives: int
    receipt: str


class Answer(msgspec.Struct, frozen=True):
    """A draft and the name of the queue it goes to."""

    queue: str
    draft: Draft


class Settlement(msgspec.Struct, frozen=True):
    """A message that is done: what to send for it, after which it is deleted."""

    message: Message
    answers: tuple[Answer, ...] = ()


class Depth(msgspec.Struct, frozen=True):
    """How many messages wait, and how many are hidden (received and not settled, or released with a delay).

    `oldest` is the age of the oldest waiting message in seconds, None where the backend cannot tell.
    """

    waiting: int
    hidden: int
    oldest: float | None = None


class Redrive(msgspec.Struct, frozen=True):
    """After `max_receives` receives without a settlement a message moves to the queue `dead_letters`."""

    dead_letters: str
    max_receives: int = 10


Outcome = Problem | None  # of one entry of a batch: None when it was done


class Queue(Protocol):
    """One named queue. Batches may be of any length; outcomes stand in the order of their entries.

    Every method raises QueueUnavailable or QueueDenied when nothing at all could be done.
    """

    name: str

    async def send(self, drafts: Sequence[Draft]) -> list[str | Problem]:
        """Send; for each draft its message id once it is durable, or why it was not sent."""

    async def receive(
        self, limit: int = MAX_BATCH, *, wait: float = 0.0, visibility: float = 30.0, leave: asyncio.Event | None = None
    ) -> list[Message]:
        """Up to `limit` (≤ 10) messages, each hidden from others for `visibility` seconds.

        Waits up to `wait` seconds (≤ 20) for the first. Once `leave` is set the wait ends as soon as it can without
        stranding a message: at once on sqlite, at its own end on SQS. Never cancel a receive: what it had been given
        would stay hidden.
        """

    async def settle(self, done: Sequence[Settlement], *, after: Awaitable[object] | None = None) -> list[Outcome]:
        """Send the answers and delete the messages; no message is deleted before its answers and `after` are done.

        On sqlite the answers and the deletion are one transaction, which starts when `after` is done. On SQS the
        answers leave beside `after`. What `after` raises is raised here, with no message deleted. An entry that was
        not settled stays the caller's, hidden until its visibility ends; ReceiptStale says it is no longer ours.
        """

    async def extend(self, messages: Sequence[Message], seconds: float) -> list[Outcome]:
        """Keep the messages hidden for `seconds` from now."""

    async def release(self, messages: Sequence[Message], *, delay: float = 0.0) -> list[Outcome]:
        """Give messages back unsettled, to be received again after `delay` seconds.

        On sqlite the receive no longer counts; on SQS it does.
        """

    async def depth(self) -> Depth:
        """How many there are, about (SQS counts approximately)."""


class Broker(Protocol):
    """Where queues live: one connection for all queues of a node."""

    async def queue(self, name: str, redrive: Redrive | None = None) -> Queue:
        """The queue of that name. Where queues are created, it and its dead-letter queue are made if need be.

        `redrive` None leaves the policy as it is. Raises NoSuchQueue, QueueDenied, QueueUnavailable.
        """

    async def close(self) -> None:
        """Let go of connections and threads; receives have ended before."""


def check_draft(draft: Draft) -> MessageRefused | None:
    """Why no backend takes this draft; None when they do."""
    if not draft.body:
        return MessageRefused("a message cannot be empty")
    texts = [draft.body, *draft.attributes.keys(), *draft.attributes.values()]
    if any(_UNSENDABLE.search(text) for text in texts):
        return MessageRefused("a message cannot hold control characters other than tab and line ends")
    if (size := draft_bytes(draft)) > MAX_BYTES:
        return MessageRefused(f"a message of {size:,} bytes is too large", hint=f"at most {MAX_BYTES:,} bytes")
    return None


def draft_bytes(draft: Draft) -> int:
    """What a draft counts against size limits: its body and its attributes with their names, in UTF-8."""
    attributes = sum(len(k.encode()) + len(v.encode()) + len("String") for k, v in draft.attributes.items())
    return len(draft.body.encode("utf-8", "replace")) + attributes
