"""References to actors, here or behind a link.

`Ref[Tally]` is `Tally` to a type checker: its ops check like methods. At run time it is an `ActorRef`, which knows
nothing but the ops. A ref comes from `Node.spawn`, `Node.ref`, an actor's `me`, an option, or a message's argument.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ParamSpec, Protocol, TypeVar, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from runtime.actor import Actor, BoundOp, Place, find_op, op

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")


class Target(Protocol):
    """Where a ref's messages go."""

    @property
    def address(self) -> str:
        """`actor` on this node, `link/actor` elsewhere."""
        ...

    async def ask(
        self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Place | None = None
    ) -> Any: ...

    async def tell(self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None: ...


class RefOp(BoundOp[P, R]):
    """One op of a referenced actor."""

    __slots__ = ("_operation", "_target")

    def __init__(self, target: Target, operation: op[Any, P, R]) -> None:
        self._target = target
        self._operation = operation

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        return self._target.ask(self._operation, args, kwargs)

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, None]:
        return self._target.tell(self._operation, args, kwargs)

    def into(self, place: Place) -> Callable[P, Coroutine[Any, Any, R]]:
        def ask(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
            return self._target.ask(self._operation, args, kwargs, place)

        return ask


class ActorRef:
    """A handle on an actor. Equal refs reach the same actor; `str(ref)` is its address."""

    def __init__(self, cls: type[Actor[Any]], target: Target) -> None:
        self._cls = cls
        self._target = target

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """The actor's class, so that a ref passes where its declared type is checked."""
        return self._cls

    def __getattr__(self, name: str) -> RefOp[Any, Any]:
        operation = find_op(self._cls, name)
        if operation is None:
            raise AttributeError(f"{self._cls.__name__} has no op {name!r}; a ref reaches ops only")
        bound: RefOp[Any, Any] = RefOp(self._target, operation)
        self.__dict__[name] = bound
        return bound

    def __str__(self) -> str:
        return self._target.address

    def __repr__(self) -> str:
        return f"<ref {self._cls.__name__} {self._target.address}>"

    def __eq__(self, other: object) -> bool:
        return type(other) is ActorRef and self._target == other._target

    def __hash__(self) -> int:
        return hash(self._target)


def make_ref(cls: type[A], target: Target) -> A:
    """A ref to `target`, typed as the actor's class."""
    return cast(A, ActorRef(cast(type[Actor[Any]], cls), target))


def target_of(ref: object) -> Target | None:
    """Where a ref leads; None for anything that is not a ref."""
    return ref.__dict__["_target"] if type(ref) is ActorRef else None


class Unresolved:
    """The target of a ref in a node file that is only being checked."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def ask(self, *_: Any) -> Any:
        raise RuntimeError(f"the ref {self.address!r} was never given a node")

    tell = ask


class RefOption:
    """Lets pydantic read `Ref[X]` from "actor" or "link/actor".

    The validation context's `resolve(cls, address)` makes the ref; without one it stays unresolved.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def read(value: object, info: core_schema.ValidationInfo) -> object:
            if target_of(value) is not None:
                return value
            if not isinstance(value, str) or not value or value.count("/") > 1:
                raise ValueError("a ref is written `actor` or `link/actor`")
            resolve = (info.context or {}).get("resolve")
            return resolve(source, value) if resolve else make_ref(source, Unresolved(value))

        return core_schema.with_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[^/]+(/[^/]+)?$", "description": "an actor: `actor` or `link/actor`"}


Ref = Annotated[A, RefOption()]
