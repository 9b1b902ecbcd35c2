"""What an author of an actor needs: `Actor`, `Options`, and `@op` for its remote allow-list."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Generic, ParamSpec, Self, TypeVar, get_args, overload

import pydantic
import structlog

from runtime.mailbox import MailboxPolicy
from runtime.statistics import Measurement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.node import Node

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
A = TypeVar("A", bound="Actor[Any]")

Place = Callable[[int, "np.dtype[Any]", tuple[int, ...]], "NDArray[Any] | None"]


class Options(pydantic.BaseModel):
    """Base of every actor's options: frozen, and an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


O = TypeVar("O", bound=Options)  # noqa: E741 - the one-letter names follow typing's own


class BoundOp(Generic[P, R]):
    """An op together with the actor it goes to; what `ref.name` and `self.name` give."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Ask: waits for the answer within the deadline in force; raises an AskError or the handler's Problem."""
        raise NotImplementedError

    async def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Send without waiting for an outcome; waits for room at most the node's default, then Overloaded."""
        raise NotImplementedError

    def into(self, place: Place) -> Callable[P, Coroutine[Any, Any, R]]:
        """Ask, receiving the answer's arrays where `place(index, dtype, shape)` says.

        Called once an array when the answer's head arrives and before its bytes: give a C-contiguous array of
        that dtype and shape to receive straight into, None to have one allocated, or raise to refuse the body,
        which ends the ask with that error. On one node there is nothing to receive and `place` is not called.
        """
        raise NotImplementedError


class op(Generic[A, P, R]):  # noqa: N801 - a decorator, read like property
    """Marks an `async def` method of an actor as callable through a ref, local or remote."""

    def __init__(self, function: Callable[Concatenate[A, P], Coroutine[Any, Any, R]]) -> None:
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, instance: A, owner: type[Any]) -> BoundOp[P, R]: ...
    def __get__(self, instance: A | None, owner: type[Any]) -> Self | BoundOp[P, R]:
        return self if instance is None else _OwnOp(self, instance)


class _OwnOp(BoundOp[P, R]):
    """`self.name(…)` inside the actor: a plain call within the turn; `tell` goes to the own mailbox."""

    def __init__(self, operation: op[Any, P, R], instance: Actor[Any]) -> None:
        self._operation = operation
        self._instance = instance

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return self._operation.function(self._instance, *args, **kwargs)

    async def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        bound: BoundOp[P, R] = getattr(self._instance.me, self._operation.name)
        await bound.tell(*args, **kwargs)

    def into(self, place: Place) -> Callable[P, Coroutine[Any, Any, R]]:
        return self


class Actor(Generic[O]):
    """State behind a mailbox: one message at a time, unless `concurrency` lets handlers interleave at awaits.

    The runtime sets the attributes before `start()`. A restart makes a new instance; the mailbox survives it.
    """

    mailbox: ClassVar[MailboxPolicy] = MailboxPolicy()
    concurrency: ClassVar[int] = 1

    options: O
    name: str
    node: Node
    me: Self
    log: structlog.stdlib.BoundLogger

    async def start(self) -> None:
        """Make ready for the first message; an error here fails the spawn or counts as a failure of a restart."""

    async def run(self) -> None:
        """A supervised background loop beside the messages; it may return, and is cancelled at the end."""

    async def drain(self) -> None:
        """The node is stopping: take in no new work and finish what was accepted, within the node's drain time."""

    async def stop(self) -> None:
        """Let go of everything; called after the last message, also before a restart."""

    def readiness(self) -> str | None:
        """None when the actor can do its work, else the reason why not, in words for an operator."""
        return None

    def measurements(self) -> Sequence[Measurement]:
        """The actor's own numbers for the metrics, from what it has at hand: called at every look."""
        return ()

    async def offload(self, function: Callable[..., T], *args: Any) -> T:
        """Run CPU work on the node's bounded executor, so that the loop never waits for it."""
        return await self.node.offload(function, *args)


def options_type(cls: type[Actor[Any]]) -> type[Options]:
    """The `O` of `class X(Actor[O])`; plain Options where it was left out."""
    for base in cls.__mro__:
        for parent in getattr(base, "__orig_bases__", ()):
            for argument in get_args(parent):
                if isinstance(argument, type) and issubclass(argument, Options):
                    return argument
    return Options


def find_op(cls: type[Actor[Any]], name: str) -> op[Any, Any, Any] | None:
    """The op of that name, or None: members that are not ops do not exist for others."""
    found = getattr(cls, name, None)
    return found if isinstance(found, op) else None
