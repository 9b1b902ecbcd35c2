"""Bodies put together from chunks, without a socket."""

from collections import deque

import pytest

from runtime.wire.connection import Connection, Incoming
from runtime.wire.frame import HEADER, Kind

pytestmark = pytest.mark.asyncio


class Receiver:
    """A connection without a transport that is expecting body 7 in parts of these sizes."""

    def __init__(self, *sizes: int) -> None:
        self.lost: list[str] = []
        self.done = False
        self.parts = [bytearray(size) for size in sizes]
        self.connection = Connection(held=False, on_frame=lambda _: None, on_lost=self.lost.append)
        self.connection.receive(7, Incoming(deque(memoryview(part) for part in self.parts), self._end))

    def _end(self) -> None:
        self.done = True

    def read(self, data: bytes) -> None:
        """What a transport does with bytes that arrive together."""
        while data:
            buffer = self.connection.get_buffer(-1)
            count = min(len(data), len(buffer))
            buffer[:count] = data[:count]
            self.connection.buffer_updated(count)
            data = data[count:]


def chunk(data: bytes) -> bytes:
    return HEADER.pack(Kind.DATA, 0, 7, 0, len(data)) + data


async def test_chunks_of_several_arrays_that_arrive_in_one_read_each_find_their_array() -> None:
    receiver = Receiver(3, 2, 4)
    receiver.read(chunk(b"abc") + chunk(b"de") + chunk(b"fghi"))
    assert [bytes(part) for part in receiver.parts] == [b"abc", b"de", b"fghi"]
    assert receiver.done
    assert not receiver.lost


async def test_a_body_is_done_only_when_the_bytes_of_its_last_array_are_there() -> None:
    receiver = Receiver(3, 2)
    whole = chunk(b"abc") + chunk(b"de")
    for cut in range(len(whole)):
        receiver = Receiver(3, 2)
        receiver.read(whole[:cut])
        early = receiver.done
        receiver.read(whole[cut:])
        assert (early, receiver.done) == (False, True)
        assert [bytes(part) for part in receiver.parts] == [b"abc", b"de"]


async def test_a_body_with_more_bytes_than_announced_ends_the_link() -> None:
    for chunks in (chunk(b"abc") + chunk(b"d"), chunk(b"ab") + chunk(b"cd")):
        receiver = Receiver(3)
        receiver.read(chunks)
        assert receiver.lost == ["protocol error: a data frame larger than what is missing of its body"]
