"""Values to bytes and back, by the types an op declares. No pickle: msgpack for structure, raw buffers for arrays.

ndarrays anywhere and `bytes` as a whole argument or result travel raw; the head carries `[index, dtype, shape]` in
their place. Decoding the head allocates the arrays (or asks `place` for them) and lists the memory to receive into.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from math import prod
from typing import Any, Protocol, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from runtime.actor import Actor, Place, op
from runtime.errors import Fault, NoSuchOp, ProtocolError
from runtime.ref import Target, target_of
from runtime.stream import Stream
from runtime.wire.frame import META_LIMIT

DTYPES = frozenset(np.dtype(name).str for name in ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"))
MAX_DIMENSIONS = 8
UNREADABLE = (ValueError, RecursionError)  # what msgspec raises on bytes: its own errors, bad UTF-8, deep nesting


class Refs(Protocol):
    """How refs travel over one link: as seen from the sender, then as seen from the receiver."""

    def export(self, target: Target) -> tuple[bool, str]:
        """(lives at the sender, actor name); raises ValueError for a third node's actor."""
        ...

    def adopt(self, cls: type[Any], *, at_sender: bool, actor: str) -> Any:
        """The ref on the receiving side."""
        ...


class Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The head of an ask or tell. `remaining` is seconds; `chain` the actors already awaiting it; no `trace`: ""."""

    actor: str
    op: str
    remaining: float | None
    chain: tuple[str, ...]
    trace: str
    args: msgspec.Raw


class _Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`Call` with the arguments still as values."""

    actor: str
    op: str
    remaining: float | None
    chain: tuple[str, ...]
    trace: str
    args: tuple[Any, ...]


class Blob:
    """Stands for `bytes` that travel raw."""

    __slots__ = ("data",)

    def __init__(self, data: bytes | bytearray | np.ndarray[Any, Any]) -> None:
        self.data = data


class Signature:
    """The wire side of one op: parameter order, defaults, types."""

    def __init__(self, operation: op[Any, Any, Any]) -> None:
        self.name = operation.name
        self._signature = inspect.signature(operation.function)
        hints = get_type_hints(operation.function, include_extras=True)
        parameters = list(self._signature.parameters)[1:]
        missing = [name for name in (*parameters, "return") if name not in hints]
        if missing:
            raise TypeError(f"op {operation.function.__qualname__} needs annotations on {', '.join(missing)}")
        types = tuple(_wire_type(hints[name]) for name in parameters)
        self._count = len(types)
        self.blobs = Blob in types
        self.args_type: Any = tuple[types] if types else tuple[()]  # type: ignore[valid-type]
        result = hints["return"]
        self.streams = get_origin(result) is Stream
        self.result_type: Any = _wire_type(get_args(result)[0] if self.streams else result)

    def arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments in order, defaults filled in; raises TypeError as a plain call would."""
        if kwargs or len(args) != self._count:
            bound = self._signature.bind(None, *args, **kwargs)
            bound.apply_defaults()
            args = bound.args[1:]
        if self.blobs:
            return tuple(Blob(value) if isinstance(value, bytes) else value for value in args)
        return args

    def wrap(self, value: Any) -> Any:
        """The result (or stream item) as it is encoded."""
        return Blob(value) if self.result_type is Blob else value


@lru_cache(maxsize=4096)
def signature(operation: op[Any, Any, Any]) -> Signature:
    """The op's signature, worked out once."""
    return Signature(operation)


def _wire_type(declared: Any) -> Any:
    return Blob if declared is bytes else declared


class Encoder:
    """Encodes for one link. Gives the head's bytes; the buffers it refers to are in `buffers`, there to be taken."""

    def __init__(self, refs: Refs) -> None:
        self.buffers: list[memoryview] = []
        self._refs = refs
        self._encoder = msgspec.msgpack.Encoder(enc_hook=self._hook)

    def encode(self, value: Any) -> bytes:
        """The bytes of `value`. Raises TypeError or ValueError for what cannot travel."""
        self.buffers = []
        head = self._encoder.encode(value)
        if len(head) > META_LIMIT:
            raise ValueError(
                f"{len(head)} bytes of plain values; at most {META_LIMIT}: use ndarrays or a bytes argument"
            )
        return head

    def call(
        self, actor: str, name: str, remaining: float | None, chain: tuple[str, ...], trace: str, args: tuple[Any, ...]
    ) -> bytes:
        """The head of an ask or tell."""
        return self.encode(_Call(actor, name, remaining, chain, trace, args))

    def _hook(self, value: Any) -> Any:
        target = target_of(value)
        if target is not None:
            return self._refs.export(target)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, Blob):
            return self._array(np.frombuffer(value.data, np.uint8))
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"{type(value).__name__} does not travel; use plain values, frozen structs, ndarrays or refs")

    def _array(self, array: np.ndarray[Any, Any]) -> tuple[int, str, tuple[int, ...]]:
        if array.dtype.str not in DTYPES:
            raise TypeError(f"arrays of {array.dtype} do not travel; bool, (u)int8-64 and float32/64 do")
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        self.buffers.append(flat.data)
        return len(self.buffers) - 1, array.dtype.str, array.shape


class Arrival:
    """The buffers of one incoming message: `size` bytes announced, `views` to receive them into, in order."""

    __slots__ = ("_left", "_place", "refusal", "views")

    def __init__(self, size: int, place: Place | None = None) -> None:
        self.views: list[memoryview] = []
        self.refusal: Exception | None = None
        self._left = size
        self._place = place

    def array(self, declared: Any, head: Any) -> np.ndarray[Any, Any]:
        """The array `head` describes, allocated within the announced size or placed by the asker."""
        dtype, shape = self._check(declared, head)
        array = None if self._place is None else self._ask_place(len(self.views), dtype, shape)
        if array is None:
            array = np.empty(shape, dtype)
        self.views.append(array.reshape(-1).view(np.uint8).data)
        return array

    def _check(self, declared: Any, head: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
        match head:
            case [int(index), str(name), [*dimensions]] if index == len(self.views) and name in DTYPES:
                pass
            case _:
                raise ValueError("not the head of an array")
        if len(dimensions) > MAX_DIMENSIONS or not all(isinstance(n, int) and n >= 0 for n in dimensions):
            raise ValueError("not the shape of an array")
        dtype = np.dtype(name)
        wanted = _scalar(declared)
        if wanted is not None and not np.issubdtype(dtype, wanted):
            raise ValueError(f"expected an array of {wanted.__name__}, found {dtype}")
        self._left -= prod(dimensions) * dtype.itemsize
        if self._left < 0:
            raise ValueError("arrays larger than the body that was announced")
        return dtype, tuple(dimensions)

    def _ask_place(self, index: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
        assert self._place is not None
        try:
            array = self._place(index, dtype, shape)
        except Exception as error:
            self.refusal = error
            raise ValueError("refused") from error
        if array is not None and (array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous):
            raise ValueError(f"placed into {array.dtype}{array.shape}, but the reply has {dtype}{shape}")
        return array

    def finish(self) -> None:
        """Raises ValueError when the head used less than was announced."""
        if self._left:
            raise ValueError("a body larger than its arrays")

    def fill(self, body: bytes) -> None:
        """Copy an inline body to its places."""
        offset = 0
        for view in self.views:
            view[:] = body[offset : offset + len(view)]
            offset += len(view)


NOTHING = Arrival(0)  # what a decoder holds between messages, so that it keeps no picture alive


@lru_cache(maxsize=256)
def _scalar(declared: Any) -> Any:
    """The scalar type an `NDArray[…]` declares; None when any will do."""
    match get_args(declared):
        case (_, inner) if get_args(inner) and get_args(inner)[0] is not Any and isinstance(get_args(inner)[0], type):
            return get_args(inner)[0]
    return None


class Decoder:
    """Decodes for one link, by declared types."""

    def __init__(self, refs: Refs) -> None:
        self._refs = refs
        self._arrival = NOTHING
        self._decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
        self._calls = msgspec.msgpack.Decoder(Call)

    def call(self, meta: bytes) -> Call:
        """The head of an ask or tell; ProtocolError for anything else."""
        try:
            return self._calls.decode(meta)
        except UNREADABLE as error:
            raise ProtocolError(f"not a call: {error}") from None

    def value(self, declared: Any, data: bytes | msgspec.Raw, arrival: Arrival) -> Any:
        """A value of the declared type. NoSuchOp when its types do not fit; what `place` raised, if it refused."""
        decoder = self._decoders.get(declared)
        if decoder is None:
            decoder = self._decoders[declared] = msgspec.msgpack.Decoder(declared, dec_hook=self._hook)
        self._arrival = arrival
        try:
            value = decoder.decode(data)
            arrival.finish()
        except (*UNREADABLE, TypeError) as error:
            if arrival.refusal is not None:
                raise arrival.refusal from None
            raise NoSuchOp(f"the declared types do not fit: {error}") from None
        finally:
            self._arrival = NOTHING
        return value

    def _hook(self, declared: Any, data: Any) -> Any:
        if declared is Blob:
            return Blob(self._arrival.array(None, data))
        plain = get_origin(declared) or declared
        if plain is np.ndarray:
            return self._arrival.array(declared, data)
        if isinstance(plain, type) and issubclass(plain, Actor):
            match data:
                case [bool(at_sender), str(actor)]:
                    return self._refs.adopt(plain, at_sender=at_sender, actor=actor)
        raise ValueError(f"nothing that travels: {declared}")


def finished(value: Any) -> Any:
    """The value once its bytes are in: a `Blob` becomes the `bytes` it stands for."""
    return bytes(value.data) if isinstance(value, Blob) else value


def finished_args(call: Signature, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a call once their bytes are in."""
    return tuple(finished(value) for value in args) if call.blobs else args


def decode_fault(meta: bytes) -> Fault:
    """An error as it came over the link; ProtocolError for anything else."""
    try:
        return msgspec.msgpack.decode(meta, type=Fault)
    except UNREADABLE as error:
        raise ProtocolError(f"not a fault: {error}") from None
