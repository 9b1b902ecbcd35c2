"""Deadlines, call chains and traces: what an ask inherits from the work it is part of.

The scope is one context variable. Asks read it, the runtime sets it around each handler, and one timer a node
expires whatever is overdue: a timer an ask would cost more than the ask.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import msgspec

_prefix = f"{random.getrandbits(40):010x}"
_numbers = itertools.count(1)


class Trace:
    """A trace id, put into words when it is first read: most asks never show theirs."""

    __slots__ = ("_words",)

    def __init__(self, words: str | None = None) -> None:
        self._words = words

    def __str__(self) -> str:
        if self._words is None:
            self._words = f"{_prefix}{next(_numbers):06x}"
        return self._words


class Scope(msgspec.Struct, eq=False):
    """What the running work was asked under: its deadline (loop time), the actors awaiting it, its trace."""

    deadline: float | None = None
    chain: tuple[str, ...] = ()
    trace: Trace | None = None

    def lineage(self) -> Trace | None:
        """The trace for work that comes of this; None where each ask begins one of its own."""
        return self.trace


OUTSIDE = Scope()
SCOPE: ContextVar[Scope] = ContextVar("brume_scope", default=OUTSIDE)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Asks made inside end within `seconds`; inside another deadline it can only shorten."""
    outer = SCOPE.get()
    when = asyncio.get_running_loop().time() + seconds
    if outer.deadline is not None:
        when = min(when, outer.deadline)
    token = SCOPE.set(Scope(when, outer.chain, outer.trace))
    try:
        yield
    finally:
        SCOPE.reset(token)


@contextmanager
def trace(identity: str | None = None) -> Iterator[str]:
    """Asks and log lines inside carry this trace id (a new one if not given)."""
    outer, chosen = SCOPE.get(), Trace(identity)
    token = SCOPE.set(Scope(outer.deadline, outer.chain, chosen))
    try:
        yield str(chosen)
    finally:
        SCOPE.reset(token)


def remaining() -> float | None:
    """Seconds left of the deadline in force, never below 0; None without one."""
    when = SCOPE.get().deadline
    return None if when is None else max(0.0, when - asyncio.get_running_loop().time())


def current_trace() -> str | None:
    """The trace id of the running work, if it has one."""
    known = SCOPE.get().lineage()
    return None if known is None else str(known)


class Expiring(Protocol):
    """Something pending that must end in time."""

    def expire(self) -> None: ...


class Sweep:
    """Expires everything pending on a node with one timer, armed for the earliest deadline."""

    def __init__(self) -> None:
        self._pending: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._armed = float("inf")

    def watch(self, pending: Expiring, when: float) -> None:
        """`pending.expire()` is called once at `when` (loop time), unless `forget` comes first."""
        self._pending[pending] = when
        if when < self._armed:
            self._arm(when)

    def forget(self, pending: Expiring) -> None:
        """It ended by itself."""
        self._pending.pop(pending, None)

    def close(self) -> None:
        """Drop the timer; nothing expires any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._pending.clear()

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = when
        self._timer = asyncio.get_running_loop().call_at(when, self._fire)

    def _fire(self) -> None:
        self._timer, self._armed = None, float("inf")
        now = asyncio.get_running_loop().time()
        for pending in [p for p, when in self._pending.items() if when <= now]:
            self._pending.pop(pending, None)
            pending.expire()
        if self._pending:
            self._arm(min(self._pending.values()))
