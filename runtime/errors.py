"""What an ask can end in, and how an error crosses a link.

An ask ends in a value, in a `Problem` its handler raised, or in an `AskError`; never in None and never in a hang.
Nothing here knows of links or mailboxes.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

Executed = Literal["no", "yes", "unknown"]


class BrumeError(Exception):
    """The root of every error the runtime and the actors raise on purpose."""


class ProtocolError(BrumeError):
    """A peer broke the wire protocol; the only exception its bytes can cause."""


class NameTaken(BrumeError):
    """Another live instance already uses this node's name at the peer."""


class AskError(BrumeError):
    """An ask that ended without an answer of its handler.

    `executed` says whether the handler ran: "no" (safe to ask again), "yes" or "unknown".
    `retry_after` is in seconds, where the runtime can tell.
    """

    default_executed: ClassVar[Executed] = "no"

    def __init__(self, message: str, *, executed: Executed | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.executed: Executed = executed or self.default_executed
        self.retry_after = retry_after


class Overloaded(AskError):
    """The mailbox, the credit or the byte budget had no room in time."""


class DeadlineExceeded(AskError):
    """The ask's time ran out: before its turn (executed: no) or during it (unknown)."""

    default_executed = "unknown"


class ActorStopped(AskError):
    """The actor, or its node, is stopping or was restarted under the ask."""


class ActorFailed(AskError):
    """The supervisor gave the actor up after too many restarts."""


class PeerLost(AskError):
    """The link to the actor's node broke, or is not there."""

    default_executed = "unknown"


class Unauthorized(AskError):
    """The peer's proof, or ours, was refused during the handshake."""


class NoSuchActor(AskError):
    """No actor of that name lives on the node."""


class NoSuchOp(AskError):
    """The actor has no op of that name, or its declared types refuse the arguments."""


class WouldDeadlock(AskError):
    """The ask goes into its own call chain and could never be answered."""


class OpFailed(AskError):
    """The handler raised something it had not meant to. `kind` is the exception's class name."""

    default_executed = "yes"

    def __init__(self, message: str, *, kind: str = "Exception", executed: Executed | None = None) -> None:
        super().__init__(message, executed=executed)
        self.kind = kind


class Problem(BrumeError):
    """An expected error of a domain; it reaches the asker as the same class, over any link.

    A subclass names its `code` (unique) and the HTTP `status` that fits it.
    """

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 400
    by_code: ClassVar[dict[str, type[Problem]]] = {}

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after = retry_after

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Problem.by_code[cls.code] = cls


def worded(error: Exception) -> str:
    """An error as one line for people: its words and, of a problem, the hint."""
    return f"{error} ({error.hint})" if isinstance(error, Problem) and error.hint else str(error)


class Fault(msgspec.Struct, frozen=True, array_like=True):
    """An error as it travels: `name` is an AskError's class name, or "Problem" with its `code`."""

    name: str
    message: str
    executed: Executed = "yes"
    detail: str = ""
    hint: str = ""
    retry_after: float | None = None


ASK_ERRORS: dict[str, type[AskError]] = {
    cls.__name__: cls
    for cls in (
        Overloaded, DeadlineExceeded, ActorStopped, ActorFailed, PeerLost, Unauthorized,
        NoSuchActor, NoSuchOp, WouldDeadlock,
    )
}  # fmt: skip


def as_asker_sees(error: Exception) -> BrumeError:
    """The error an asker gets for what a handler raised: the same on one node as over a link."""
    if isinstance(error, AskError | Problem):
        return error
    failed = OpFailed(str(error), kind=type(error).__name__)
    failed.__cause__ = error
    return failed


def to_fault(error: Exception) -> Fault:
    """`error` in its wire form."""
    seen = as_asker_sees(error)
    if isinstance(seen, Problem):
        return Fault("Problem", seen.message, "yes", seen.code, seen.hint, seen.retry_after)
    if isinstance(seen, OpFailed):
        return Fault("OpFailed", str(seen), seen.executed, seen.kind)
    assert isinstance(seen, AskError)
    return Fault(type(seen).__name__, str(seen), seen.executed, retry_after=seen.retry_after)


def from_fault(fault: Fault) -> BrumeError:
    """The error a fault stands for; a class this node does not know arrives as its nearest parent."""
    if fault.name == "Problem":
        cls = Problem.by_code.get(fault.detail)
        problem = (cls or Problem)(fault.message, hint=fault.hint, retry_after=fault.retry_after)
        return problem
    known = ASK_ERRORS.get(fault.name)
    if known is None:
        return OpFailed(fault.message, kind=fault.detail, executed=fault.executed)
    return known(fault.message, executed=fault.executed, retry_after=fault.retry_after)
