"""A body nobody wants any more is written nowhere, not even the chunk under way."""

from runtime.wire.frame import FrameDecoder, Kind, encode


def feed(decoder: FrameDecoder, data: bytes) -> list[int]:
    """Hand `data` in as a transport does; gives the kinds of the frames it completed."""
    kinds = []
    while data:
        buffer = decoder.get_buffer()
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        kinds += [int(frame.kind) for frame in decoder.received(count)]
        data = data[count:]
    return kinds


def chunk(identity: int, size: int) -> bytes:
    return encode(Kind.DATA, identity, size=size) + b"\1" * size


def test_the_rest_of_a_forgotten_chunk_does_not_reach_its_place() -> None:
    rows = bytearray(1000)
    decoder = FrameDecoder(lambda identity, size: memoryview(rows)[:size])
    wire = chunk(7, 1000)
    feed(decoder, wire[:400])
    written = bytes(rows)
    decoder.forget(7)
    kinds = feed(decoder, wire[400:] + encode(Kind.PING, 0))
    assert bytes(rows) == written
    assert kinds == [Kind.PING]


def test_forgetting_one_body_leaves_the_chunk_of_another_alone() -> None:
    rows = bytearray(1000)
    decoder = FrameDecoder(lambda identity, size: memoryview(rows)[:size])
    wire = chunk(7, 1000)
    feed(decoder, wire[:400])
    decoder.forget(8)
    assert feed(decoder, wire[400:]) == [Kind.DATA]
    assert bytes(rows) == b"\1" * 1000
