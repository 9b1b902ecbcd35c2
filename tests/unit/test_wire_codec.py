"""What a peer's bytes can do to the decoding of calls and handshakes: nothing but the errors they are meant to."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.errors import NoSuchOp, ProtocolError
from runtime.wire.codec import Arrival, Decoder
from tests.support.hostile import NoRefs, survive_call, survive_handshake

DEEP = b"\x91" * 100_000 + b"\xc0"


@given(st.binary(max_size=500), st.integers(0, 1000))
def test_random_heads_cause_nothing_but_their_errors(meta: bytes, announced: int) -> None:
    survive_call(meta, announced)


@given(st.recursive(st.none() | st.integers(-1, 2**63) | st.text() | st.binary(), st.lists, max_leaves=20))
def test_arguments_of_any_other_shape_cause_nothing_but_their_errors(args: Any) -> None:
    survive_call(msgspec.msgpack.encode(("actor", "op", 1.0, (), "trace", args)), 100)


@given(st.binary(max_size=500))
def test_random_handshakes_cause_nothing_but_their_errors(data: bytes) -> None:
    survive_handshake(data)


@given(st.binary(max_size=200))
def test_a_handshake_message_of_any_content_causes_nothing_but_its_errors(data: bytes) -> None:
    survive_handshake(len(data).to_bytes(2, "big") + data)


def test_deep_nesting_is_refused_and_does_not_exhaust_the_stack() -> None:
    head = msgspec.msgpack.encode(("actor", "op", 1.0, (), "trace"))
    with pytest.raises(ProtocolError):
        Decoder(NoRefs()).call(b"\x96" + head[1:] + DEEP)
    with pytest.raises(NoSuchOp):
        Decoder(NoRefs()).value(tuple[Any], DEEP, Arrival(0))
    survive_handshake((4000).to_bytes(2, "big") + DEEP[:4000])


@pytest.mark.parametrize(
    "head",
    [
        pytest.param((0, "|u1", (2**62,)), id="larger than what was announced"),
        pytest.param((0, "<f8", (2**31, 2**31, 2**31)), id="larger than any memory"),
        pytest.param((0, "|u1", (-1,)), id="a negative side"),
        pytest.param((0, "|u1", (0,) * 40), id="40 dimensions"),
        pytest.param((1, "|u1", (8,)), id="the second buffer first"),
        pytest.param((0, "|O", (1,)), id="objects"),
        pytest.param((0, "<U9", (1,)), id="text"),
        pytest.param((0, ">i4", (2,)), id="another byte order"),
        pytest.param((0, "|u1", (9,)), id="a byte too many"),
        pytest.param((0, "|u1", (7,)), id="a byte too few"),
        pytest.param((0, "<f4", (2,)), id="another type than declared"),
    ],
)
def test_an_array_that_does_not_fit_its_announcement_is_refused(head: tuple[Any, ...]) -> None:
    data = msgspec.msgpack.encode((head,))
    with pytest.raises(NoSuchOp):
        Decoder(NoRefs()).value(tuple[NDArray[np.uint8]], data, Arrival(8))
