"""The frame decoder: frames however they are sliced, and nothing but ProtocolError for everything else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ProtocolError
from runtime.wire.frame import BULK, CHUNK, HEADER, INLINE, META_LIMIT, Frame, Kind, encode
from tests.support.hostile import decode, survive

metas = st.binary(max_size=300)
identities = st.integers(0, 2**32 - 1)


@st.composite
def sent(draw: st.DrawFn) -> tuple[bytes, Frame]:
    """A frame a peer may send: its bytes, and what they should decode to."""
    kind = draw(st.sampled_from(list(Kind)))
    identity = draw(identities)
    if kind is Kind.DATA:
        data = draw(st.binary(min_size=1, max_size=300))
        identity &= ~1  # an even number: one the receiver has a place for
        return encode(kind, identity, size=len(data)) + data, Frame(kind, 0, identity, size=len(data))
    meta = draw(metas)
    if kind is Kind.MORE:
        size = draw(identities)
        return encode(kind, identity, meta, size=size), Frame(kind, 0, identity, meta, size=size)
    if kind not in (Kind.ASK, Kind.TELL, Kind.REPLY, Kind.ITEM):
        return encode(kind, identity, meta), Frame(kind, 0, identity, meta)
    if draw(st.booleans()):
        size = draw(st.integers(1, 2**63))
        return encode(kind, identity, meta, flags=BULK, size=size), Frame(kind, BULK, identity, meta, size=size)
    body = draw(st.binary(max_size=300))
    return encode(kind, identity, meta, size=len(body)) + body, Frame(kind, 0, identity, meta, body)


def sliced(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


@given(st.lists(sent(), max_size=8), st.lists(st.integers(0), max_size=12))
def test_frames_come_out_the_same_however_they_are_sliced(pairs: list[tuple[bytes, Frame]], cuts: list[int]) -> None:
    data = b"".join(wire for wire, _ in pairs)
    expected = [frame for _, frame in pairs]
    assert decode(sliced(data, cuts)) == expected
    assert decode(bytes([byte]) for byte in data) == expected


@given(st.binary(max_size=4000), st.integers(1, 256))
def test_random_bytes_cause_nothing_but_a_protocol_error(data: bytes, step: int) -> None:
    survive(data, step)


@given(st.lists(sent(), min_size=1, max_size=4), st.data())
def test_a_damaged_frame_causes_nothing_but_a_protocol_error(
    pairs: list[tuple[bytes, Frame]], draws: st.DataObject
) -> None:
    data = bytearray(b"".join(wire for wire, _ in pairs))
    for _ in range(draws.draw(st.integers(1, 5))):
        data[draws.draw(st.integers(0, len(data) - 1))] = draws.draw(st.integers(0, 255))
    survive(bytes(data), draws.draw(st.integers(1, 256)))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(HEADER.pack(0, 0, 1, 0, 0), id="kind 0"),
        pytest.param(HEADER.pack(max(Kind) + 1, 0, 1, 0, 0), id="a kind nobody knows"),
        pytest.param(HEADER.pack(Kind.ASK, 0, 1, META_LIMIT + 1, 0), id="a head too large"),
        pytest.param(HEADER.pack(Kind.ASK, 0, 1, 2**32 - 1, 0), id="a head of 4 GiB"),
        pytest.param(HEADER.pack(Kind.ASK, 0, 1, 0, INLINE + 1), id="an inline body too large"),
        pytest.param(HEADER.pack(Kind.ASK, 0, 1, 0, 2**64 - 1), id="an inline body of 16 EiB"),
        pytest.param(HEADER.pack(Kind.PING, 0, 1, 0, 1), id="a body where none belongs"),
        pytest.param(HEADER.pack(Kind.PING, BULK, 1, 0, 1), id="a bulk body where none belongs"),
        pytest.param(HEADER.pack(Kind.DATA, 0, 1, 0, CHUNK + 1), id="a chunk too large"),
        pytest.param(HEADER.pack(Kind.DATA, 0, 1, 0, 0), id="an empty chunk"),
        pytest.param(HEADER.pack(Kind.DATA, 0, 1, 5, 10), id="a chunk with a head"),
    ],
)
def test_a_bad_header_is_refused_before_what_it_announces(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode([header])


def test_a_chunk_nobody_waits_for_is_read_over() -> None:
    forgotten = encode(Kind.DATA, 3, size=CHUNK) + bytes(CHUNK)
    assert decode([forgotten + encode(Kind.PING, 9)]) == [Frame(Kind.PING, 0, 9)]
