"""One picture from a request: a raw body of any content type, or the multipart field `image`.

The body streams into one buffer. It is refused by its Content-Length before a byte is read, and by count while it
comes; a client that asks first (`Expect: 100-continue`) never sends what would be refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from aiohttp import BodyPartReader, web
from numpy.typing import NDArray

from actors.kit.web.errors import BodyTooLarge, Malformed, SiteBusy

T = TypeVar("T")
Read = Callable[[], Awaitable[bytes]]

PICTURE_HINT = "send the picture's bytes as the body, or as the field image"
FIELD = "image"
MULTIPART_FRAMING_BYTES = 64 * 1024  # what boundaries and part headers may add to a multipart body
CHUNK_BYTES = 1 << 18
STALL_SECONDS = 30.0
BUSY_RETRY_SECONDS = 2.0


class Upload(NamedTuple):
    """The encoded file as 1-D uint8, and its name where the client gave one."""

    data: NDArray[np.uint8]
    name: str


class UploadRoom:
    """Takes uploads of at most `limit` bytes each and `total` bytes at a time."""

    def __init__(self, limit: int, total: int) -> None:
        self.limit = limit
        self.total = total
        self.used = 0

    @contextmanager
    def reserve(self, request: web.Request) -> Iterator[Buffer]:
        """A buffer for the request's body; raises BodyTooLarge or SiteBusy. The room is free again on exit."""
        announced = request.content_length
        if announced is not None and announced > self.limit + _framing(request):
            raise self.too_large()
        size = min(self.limit, announced if announced is not None else CHUNK_BYTES)
        buffer = Buffer(self, size)
        try:
            yield buffer
        finally:
            buffer.release()

    def too_large(self) -> BodyTooLarge:
        """The error for a body over the limit."""
        return BodyTooLarge(f"the body is over {self.limit:,} bytes", hint="send a smaller file")

    def take(self, size: int) -> None:
        """Count `size` bytes as used, or raise SiteBusy."""
        if self.used + size > self.total:
            raise SiteBusy("too many bytes are being uploaded at once", retry_after=BUSY_RETRY_SECONDS)
        self.used += size


class Buffer:
    """Bytes as they come, in one array that at most doubles."""

    def __init__(self, room: UploadRoom, size: int) -> None:
        room.take(size)
        self._room = room
        self._array = np.empty(size, np.uint8)
        self._filled = 0

    def add(self, chunk: bytes) -> None:
        """Append; raises BodyTooLarge or SiteBusy when there is no room for it."""
        end = self._filled + len(chunk)
        if end > self._room.limit:
            raise self._room.too_large()
        if end > self._array.size:
            self._grow(min(self._room.limit, max(end, 2 * self._array.size)))
        self._array[self._filled : end] = np.frombuffer(chunk, np.uint8)
        self._filled = end

    def bytes(self) -> NDArray[np.uint8]:
        """What came so far, without a copy."""
        return self._array[: self._filled]

    def release(self) -> None:
        """Give the room back; the array lives as long as its readers."""
        self._room.used -= self._array.size
        self._array = np.empty(0, np.uint8)
        self._filled = 0

    def _grow(self, size: int) -> None:
        self._room.take(size - self._array.size)
        larger = np.empty(size, np.uint8)
        larger[: self._filled] = self._array[: self._filled]
        self._array = larger


async def expect_later(request: web.Request) -> None:
    """For routes that upload: `100 Continue` is sent by `receive`, once the request may go on."""


async def receive(request: web.Request, buffer: Buffer, *, hint: str = PICTURE_HINT) -> Upload:
    """Read the picture of `request` into `buffer`; `hint` says what was to come where the body is empty.

    Raises Malformed for an empty body, a multipart body without the field or one that is not multipart after all,
    or a client that sends nothing for 30 s; BodyTooLarge, SiteBusy.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    name = ""
    read: Read = request.content.readany
    if request.content_type == "multipart/form-data":
        name, read = await _field(request)
    while chunk := await _prompt(read()):
        buffer.add(chunk)
    if not buffer.bytes().size:
        raise Malformed("the body is empty", hint=hint)
    return Upload(buffer.bytes(), name)


async def _field(request: web.Request) -> tuple[str, Read]:
    """The multipart field `image`: its file name, and how to read it."""
    try:
        reader = await request.multipart()
        while (part := await _prompt(reader.next())) is not None:
            if isinstance(part, BodyPartReader) and part.name == FIELD:
                return part.filename or "", partial(part.read_chunk, CHUNK_BYTES)
    except ValueError as error:
        raise Malformed("the body is not the multipart/form-data it says it is") from error
    raise Malformed(f"the form has no field {FIELD}", hint=f"curl -F {FIELD}=@photo.jpg …")


async def _prompt(reading: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(STALL_SECONDS):
            return await reading
    except TimeoutError:
        raise Malformed(f"the body stopped coming for {STALL_SECONDS:.0f} s") from None
    except web.RequestPayloadError as error:
        raise Malformed("the body ended before all of it came") from error


def _framing(request: web.Request) -> int:
    return MULTIPART_FRAMING_BYTES if request.content_type == "multipart/form-data" else 0
