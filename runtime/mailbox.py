"""Bounded mailboxes, and the messages in them.

A mailbox decides what fits; it runs nothing and waits for nothing. Messages carry their own outcome: who gets the
value, the error, or nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from runtime.deadline import Scope, Trace
from runtime.errors import BrumeError, DeadlineExceeded, Overloaded

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class MailboxPolicy:
    """Room for `messages` and `bytes`, and what a full mailbox does with the next one.

    "wait": the asker waits within its deadline; "reject": it gets Overloaded at once; "drop_oldest": the oldest
    waiting message gets Overloaded. A single message larger than `bytes` is taken when the mailbox is empty.
    """

    messages: int = 1000
    bytes: int = 64 << 20
    full: Literal["wait", "reject", "drop_oldest"] = "wait"


class Message(Scope, kw_only=True):
    """One call on its way to a handler, and the scope the handler runs under. Subclasses say where the outcome goes.

    `size` is in bytes. A message is a struct for its cheap construction; it never travels.
    """

    op: str
    handler: Handler
    args: tuple[Any, ...]
    size: int
    state: Literal["queued", "running", "cancelled", "ended"] = "queued"
    task: asyncio.Task[Any] | None = None

    def lineage(self) -> Trace:
        """What comes of this message carries its trace."""
        if self.trace is None:
            self.trace = Trace()
        return self.trace

    def resolve(self, value: Any) -> None:
        """The handler returned `value`."""

    def reject(self, error: Exception) -> None:
        """The message ends in `error`."""

    def taken(self) -> None:
        """It left the mailbox (for its turn, or never to have one)."""

    @property
    def wants_answer(self) -> bool:
        """An asker waits for the outcome; a failure without one is the supervisor's."""
        return False

    def succeed(self, value: Any) -> None:
        """The handler returned `value`; nobody wants it any more if the message was cancelled meanwhile."""
        if self.state == "running":
            self.state = "ended"
            self.resolve(value)

    def settle(self, error: BrumeError) -> None:
        """The handler ended in `error`; nobody wants it any more if the message was cancelled meanwhile."""
        if self.state == "running":
            self.state = "ended"
            self.reject(error)

    def was_cancelled(self) -> bool:
        """Whether it was cancelled while its handler ran."""
        return self.state == "cancelled"

    def cancel(self, error: Exception) -> None:
        """End it early: unexecuted if its turn has not come, else by cancelling the running handler."""
        if self.state in ("cancelled", "ended"):
            return
        if self.state == "running" and self.task is not None:
            self.state = "cancelled"
            self.task.cancel()
        else:
            self.state, self.args = "ended", ()  # it may stay in the queue for a while; its bodies need not
        self.reject(error)

    def expire(self) -> None:
        """Its deadline passed."""
        executed: Literal["no", "unknown"] = "unknown" if self.state == "running" else "no"
        self.cancel(DeadlineExceeded(f"{self.op} did not end within its deadline", executed=executed))


class LocalAsk(Message, kw_only=True):
    """An ask from this node; the outcome is a future's.

    It lets go of the future with the outcome: as a scope the message may live on, the value must not.
    """

    answer: asyncio.Future[Any] | None

    @property
    def wants_answer(self) -> bool:
        return True

    def resolve(self, value: Any) -> None:
        answer, self.answer = self.answer, None
        if answer is not None and not answer.done():
            answer.set_result(value)

    def reject(self, error: Exception) -> None:
        answer, self.answer = self.answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)


class Tell(Message, kw_only=True):
    """A message nobody waits for, except for its admission while the mailbox is full."""

    admitted: asyncio.Future[None] | None = None

    def reject(self, error: Exception) -> None:
        if self.admitted is not None and not self.admitted.done():
            self.admitted.set_exception(error)


class Mailbox:
    """Messages waiting for their turn, oldest first, and behind them those waiting for room."""

    def __init__(self, policy: MailboxPolicy, on_empty: Callable[[], None] = lambda: None) -> None:
        self.policy = policy
        self.bytes = 0
        self.closed: Callable[[], BrumeError] | None = None
        self._queue: deque[Message] = deque()
        self._parked: deque[Message] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._on_empty = on_empty

    def __len__(self) -> int:
        return len(self._queue) + len(self._parked)

    @property
    def idle(self) -> int:
        """How many wait for a message."""
        return len(self._idle)

    def offer(self, message: Message) -> bool:
        """Take the message in (True) or park it until there is room (False, policy "wait").

        Raises Overloaded under "reject", or what the mailbox was closed with.
        """
        if self.closed is None and not self._parked and (not self._queue or self._fits(message)):
            self._push(message)
            return True
        return self._offer_when_full(message)

    def _offer_when_full(self, message: Message) -> bool:
        if self.closed is not None:
            raise self.closed()
        self._forget_ended()
        if not self._parked and self._fits(message):
            self._push(message)
            return True
        if self.policy.full == "reject":
            raise Overloaded(f"the mailbox is full ({len(self._queue)} messages)", retry_after=1.0)
        if self.policy.full == "drop_oldest":
            while self._queue and not self._fits(message):
                self._discard(self._queue[0], Overloaded("dropped for a newer message"))
            self._push(message)
            return True
        self._parked.append(message)
        return False

    def take(self) -> Message | None:
        """The oldest message whose turn has come; None when there is none. Ended ones are skipped."""
        while self._queue:
            message = self._queue.popleft()
            if message.size:
                self.bytes -= message.size
            message.taken()
            if self._parked:
                self._admit()
            if message.state == "queued":
                return message
        return None

    def wait(self, waiter: asyncio.Future[None]) -> None:
        """Have `waiter` set when a message may be there; each message wakes one of those that wait."""
        self._idle.append(waiter)
        self._on_empty()

    def withdraw(self, message: Message) -> None:
        """Take out a message that ended before its turn, if it still waits for room."""
        if message in self._parked:
            self._parked.remove(message)
            message.taken()

    def close(self, error: Callable[[], BrumeError]) -> None:
        """Refuse new messages with a fresh `error()` each; those inside keep their turn."""
        self.closed = error

    def fail_all(self, error: Callable[[], BrumeError]) -> int:
        """End every waiting message with a fresh `error()`; gives how many there were."""
        waiting = list(self._drain())
        for message in waiting:
            message.taken()
            message.cancel(error())
        return len(waiting)

    def _forget_ended(self) -> None:
        """Messages that expired or were cancelled in the queue hold no room against new ones."""
        ended = [message for message in self._queue if message.state == "ended"]
        for message in ended:
            self._queue.remove(message)
            self.bytes -= message.size
            message.taken()
        if ended:
            self._admit()

    def _drain(self) -> Iterator[Message]:
        while self._queue or self._parked:
            yield (self._queue or self._parked).popleft()
        self.bytes = 0

    def _fits(self, message: Message) -> bool:
        if not self._queue:
            return True
        return len(self._queue) < self.policy.messages and self.bytes + message.size <= self.policy.bytes

    def _push(self, message: Message) -> None:
        self._queue.append(message)
        if message.size:
            self.bytes += message.size
        if self._idle:
            self._wake()

    def _wake(self) -> None:
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def pass_on(self, waiter: asyncio.Future[None]) -> None:
        """A pump was cancelled while it waited: it waits no more, and hands on a wake-up it had got already."""
        if waiter in self._idle:
            self._idle.remove(waiter)
        if waiter.done() and not waiter.cancelled() and self._queue:
            self._wake()

    def _admit(self) -> None:
        while self._parked and self._fits(self._parked[0]):
            message = self._parked.popleft()
            if message.state == "ended":
                message.taken()
                continue
            self._push(message)
            if isinstance(message, Tell) and message.admitted is not None and not message.admitted.done():
                message.admitted.set_result(None)

    def _discard(self, message: Message, error: BrumeError) -> None:
        self._queue.remove(message)
        self.bytes -= message.size
        message.taken()
        message.cancel(error)
