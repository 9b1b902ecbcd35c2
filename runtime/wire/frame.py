"""Frames and their decoder, without I/O.

A frame is a fixed header, `meta` bytes and `body` bytes. Bodies up to `INLINE` ride along with their message; larger
ones are announced in the header (`BULK`), granted by the receiver, and follow in `DATA` frames of at most `CHUNK`
bytes, received straight into the array that waits for them. Sizes are checked before anything is allocated, and
`ProtocolError` is the only exception a peer's bytes can cause.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from struct import Struct

import msgspec

from runtime.errors import ProtocolError

HEADER = Struct("!BBxxIIQ")  # kind, flags, id, meta bytes, body bytes
META_LIMIT = 1 << 20
INLINE = 64 << 10
CHUNK = 256 << 10
SCRATCH = 128 << 10

BULK = 1  # flag: the body's size is announced, its bytes follow as DATA once granted
STREAM = 2  # flag on REPLY: the value is a stream, its items follow


class Kind(IntEnum):
    """What a frame is for. `id` is the ask's, numbered by the side that asked."""

    ASK = 1
    TELL = 2
    REPLY = 3
    FAULT = 4
    CANCEL = 5  # asker: the answer is no longer wanted; reader: the stream is closed
    CREDIT = 6  # meta: actor name and how many more messages it takes
    GRANT = 7  # receiver of an announced body: send it
    REFUSE = 8  # receiver of an announced body: keep it
    DATA = 9
    ITEM = 10
    END = 11
    MORE = 12  # reader of a stream: body of the header is how many more items it takes
    PING = 13
    GOODBYE = 14


# The same as plain numbers, for what runs once a frame: on Python 3.11 a look at a member costs four of these.
ASK, TELL, REPLY, DATA, MORE = (int(kind) for kind in (Kind.ASK, Kind.TELL, Kind.REPLY, Kind.DATA, Kind.MORE))
LAST = int(Kind.GOODBYE)
CARRIES_BODY = frozenset({ASK, TELL, REPLY, int(Kind.ITEM)})


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One decoded frame. `body` is inline bytes; `size` the announced total of a bulk body, or a DATA chunk's size."""

    kind: int
    flags: int
    id: int
    meta: bytes = b""
    body: bytes = b""
    size: int = 0


def encode(kind: int, identity: int, meta: bytes = b"", *, flags: int = 0, size: int = 0) -> bytes:
    """Header and meta; inline body bytes, `size` of them, are appended by the caller."""
    return HEADER.pack(kind, flags, identity, len(meta), size) + meta


Sink = Callable[[int, int], "memoryview | None"]


class FrameDecoder:
    """Bytes in, frames out. `get_buffer` says where the next bytes go, `received` what they completed.

    `sink(id, size)` gives the place for a DATA chunk, or None to read and forget it.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = memoryview(bytearray(SCRATCH))
        self._start = 0
        self._end = 0
        self._chunk: memoryview | None = None  # what is missing of the DATA chunk under way
        self._skip = 0  # bytes of a forgotten chunk still to come
        self._chunk_frame = Frame(0, 0, 0)

    def get_buffer(self) -> memoryview:
        """Writable, never empty: the rest of the chunk under way, or scratch space."""
        if self._chunk is not None:
            return self._chunk
        if self._start == self._end:
            self._start = self._end = 0
        if self._end == len(self._buffer):
            self._make_room(len(self._buffer))
        return self._buffer[self._end :]

    def received(self, count: int) -> list[Frame]:
        """`count` bytes were written into the last `get_buffer`; gives the frames they completed."""
        if self._chunk is not None:
            return self._chunk_received(count)
        self._end += count
        frames: list[Frame] = []
        while (frame := self._next()) is not None:
            if frame.kind:
                frames.append(frame)
        return frames

    def forget(self, identity: int) -> None:
        """Not one more byte of the DATA chunk under way goes to its place, if it is that body's."""
        if self._chunk is not None and self._chunk_frame.id == identity:
            self._skip, self._chunk = len(self._chunk), None

    def _chunk_received(self, count: int) -> list[Frame]:
        assert self._chunk is not None
        if count < len(self._chunk):
            self._chunk = self._chunk[count:]
            return []
        self._chunk = None
        return [self._chunk_frame]

    def _next(self) -> Frame | None:
        """The next frame in the scratch space; None for "more bytes"; kind 0 for bytes that were only skipped."""
        if self._skip:
            return self._skip_some()
        have = self._end - self._start
        if have < HEADER.size:
            return None
        kind, flags, identity, meta, body = HEADER.unpack_from(self._buffer, self._start)
        if kind == DATA:
            return self._data(flags, identity, meta, body)
        bulk = flags & BULK
        self._check(kind, meta, body, bulk=bool(bulk))
        inline = 0 if bulk or kind == MORE else body
        total = HEADER.size + meta + inline
        if have < total:
            self._make_room(total)
            return None
        begin = self._start + HEADER.size
        self._start += total
        return Frame(
            kind, flags, identity,
            bytes(self._buffer[begin : begin + meta]),
            bytes(self._buffer[begin + meta : begin + meta + inline]) if inline else b"",
            0 if inline else body,
        )  # fmt: skip

    @staticmethod
    def _check(kind: int, meta: int, body: int, *, bulk: bool) -> None:
        if not ASK <= kind <= LAST:
            raise ProtocolError(f"frame of unknown kind {kind}")
        if meta > META_LIMIT:
            raise ProtocolError(f"a frame's head of {meta} bytes; at most {META_LIMIT} are taken")
        if kind not in CARRIES_BODY:
            if bulk or (body and kind != MORE):
                raise ProtocolError(f"a frame of kind {Kind(kind).name} with a body")
        elif bulk and not body:
            raise ProtocolError("an announced body of no bytes")
        elif not bulk and body > INLINE:
            raise ProtocolError(f"an inline body of {body} bytes; at most {INLINE} are taken")

    def _data(self, flags: int, identity: int, meta: int, size: int) -> Frame | None:
        """Begin a DATA chunk: move what is here to its place, and have the rest received there."""
        if meta or flags or not 0 < size <= CHUNK:
            raise ProtocolError(f"a data frame of {size} bytes; 1 to {CHUNK} are taken")
        self._start += HEADER.size
        place = self._sink(identity, size)
        if place is None:
            self._skip = size
            return self._skip_some()
        have = min(self._end - self._start, size)
        place[:have] = self._buffer[self._start : self._start + have]
        self._start += have
        frame = Frame(Kind.DATA, 0, identity, size=size)
        if have == size:
            return frame
        self._chunk, self._chunk_frame = place[have:], frame
        return None

    def _skip_some(self) -> Frame | None:
        have = min(self._end - self._start, self._skip)
        self._start += have
        self._skip -= have
        return None if self._skip else Frame(0, 0, 0)

    def _make_room(self, total: int) -> None:
        """Have room for a frame of `total` bytes from `_start`; the scratch space shrinks back when it is through."""
        if self._start + total <= len(self._buffer) and self._end < len(self._buffer):
            return
        kept = bytes(self._buffer[self._start : self._end])
        if total > len(self._buffer) or (len(self._buffer) > SCRATCH and total <= SCRATCH):
            self._buffer = memoryview(bytearray(max(SCRATCH, total)))
        self._buffer[: len(kept)] = kept
        self._start, self._end = 0, len(kept)
