"""Bytes a peer should never send, fed to everything that reads a peer's bytes: shared by fuzzing and properties."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from runtime.errors import NoSuchOp, ProtocolError, Unauthorized
from runtime.wire.codec import Arrival, Blob, Decoder
from runtime.wire.frame import BULK, CHUNK, HEADER, INLINE, META_LIMIT, Frame, FrameDecoder, Kind
from runtime.wire.handshake import Admission, Local, accept

BUFFER_LIMIT = HEADER.size + META_LIMIT + INLINE


class Point(msgspec.Struct, frozen=True):
    """A message with everything that can travel."""

    x: int
    name: str
    weights: NDArray[np.float32]


DECLARED: tuple[Any, ...] = (tuple[()], tuple[int, str], tuple[Blob], tuple[Point, NDArray[np.uint8]], tuple[Any])


class NoRefs:
    """A link whose peers know no actors."""

    def export(self, target: Any) -> tuple[bool, str]:
        raise ValueError("no refs here")

    def adopt(self, cls: type[Any], *, at_sender: bool, actor: str) -> Any:
        raise ValueError("no refs here")


def decode(slices: Iterable[bytes]) -> list[Frame]:
    """The frames of a byte stream received in these slices. Raises ProtocolError alone, and stays within bounds."""
    places: dict[int, bytearray] = {}

    def sink(identity: int, size: int) -> memoryview | None:
        assert 0 < size <= CHUNK
        if identity % 2:
            return None
        places[identity] = bytearray(size)
        return memoryview(places[identity])

    decoder = FrameDecoder(sink)
    frames: list[Frame] = []
    for data in slices:
        left = memoryview(data)
        while left:
            buffer = decoder.get_buffer()
            assert 0 < len(buffer) <= max(BUFFER_LIMIT, CHUNK)
            count = min(len(buffer), len(left))
            buffer[:count] = left[:count]
            frames += decoder.received(count)
            left = left[count:]
    return frames


def survive(data: bytes, step: int) -> None:
    """Decode `data` in slices of `step` bytes down to the arguments; every error but the allowed ones escapes."""
    try:
        frames = decode(data[begin : begin + step] for begin in range(0, len(data), step))
    except ProtocolError:
        return
    for frame in frames:
        if frame.kind in (Kind.ASK, Kind.TELL):
            survive_call(frame.meta, min(frame.size, 1 << 20) if frame.flags & BULK else len(frame.body))


def survive_call(meta: bytes, announced: int) -> None:
    """Decode the head of a call and its arguments as every declared type."""
    decoder = Decoder(NoRefs())
    try:
        call = decoder.call(meta)
    except ProtocolError:
        return
    for declared in DECLARED:
        arrival = Arrival(announced)
        try:
            decoder.value(declared, call.args, arrival)
        except NoSuchOp:
            continue
        assert sum(len(view) for view in arrival.views) == announced


def survive_handshake(data: bytes) -> None:
    """Play the listener to a dialler that sends `data` and hangs up."""
    reader = asyncio.StreamReader(loop=_no_loop)
    reader.feed_data(data)
    reader.feed_eof()
    talk = accept(reader, _Nowhere(), Local("listener", "1", tokens=[b"x" * 32]), Admission())
    with suppress(StopIteration, ProtocolError, Unauthorized, asyncio.IncompleteReadError):
        talk.send(None)
        raise AssertionError("the handshake waits for more than its peer will ever send")


class _Nowhere(asyncio.StreamWriter):
    """A writer whose bytes nobody reads."""

    def __init__(self) -> None:
        pass

    def __del__(self) -> None:
        pass

    def write(self, data: Any) -> None:
        pass

    async def drain(self) -> None:
        pass


_no_loop = asyncio.new_event_loop()
_no_loop.close()
