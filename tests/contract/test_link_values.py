"""What travels over a link arrives as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime import AskError, NoSuchOp, Options
from tests.contract.conftest import Wire
from tests.support.actors import Labelled, Parrot, Point

DTYPES = ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
ARRAYS: dict[str, NDArray[Any]] = {
    **{dtype: np.arange(12).astype(dtype).reshape(3, 4) for dtype in DTYPES},
    "no dimensions": np.array(7, np.int32),
    "no elements": np.zeros((0, 5), np.uint8),
    "every second row": np.arange(4000, dtype=np.uint16).reshape(40, 100)[::2],
    "a column": np.arange(4000, dtype=np.float64).reshape(40, 100)[:, 3],
    "12 MB": np.random.default_rng(1).integers(0, 256, (3000, 4000), np.uint8),
}


async def test_values_and_arrays_arrive_as_they_were(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        parrot = edge.ref(Parrot, "hub/parrot")
        assert await parrot.point(Point(-(2**40), 0.1, "ünïcode")) == Point(-(2**40), 0.1, "ünïcode")
        for name, array in ARRAYS.items():
            back = await parrot.array(array)
            assert (back.dtype, back.shape) == (array.dtype, array.shape), name
            assert np.array_equal(back, array), name


@pytest.mark.parametrize("size", [0, 1, 64 << 10, (64 << 10) + 1, 3_000_000])
async def test_bytes_arrive_as_they_were(wire: Wire, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        assert await edge.ref(Parrot, "hub/parrot").data(data) == data


async def test_arrays_inside_a_message_arrive_in_their_places(wire: Wire) -> None:
    value = Labelled("leaf", ARRAYS["12 MB"][:500], (np.arange(5.0), np.zeros(0), np.ones((100, 1000))))
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        back = await edge.ref(Parrot, "hub/parrot").labelled(value)
        assert back.name == "leaf"
        assert np.array_equal(back.pixels, value.pixels)
        assert [weights.tolist() for weights in back.weights] == [weights.tolist() for weights in value.weights]


async def test_an_answer_is_received_straight_into_the_place_given_for_it(wire: Wire) -> None:
    whole = np.zeros((2000, 1000), np.uint8)
    heads: list[tuple[int, str, tuple[int, ...]]] = []

    def place(index: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[np.uint8]:
        heads.append((index, dtype.str, shape))
        return whole[500:1000]

    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        rows = await edge.ref(Parrot, "hub/parrot").picture.into(place)(500, 1000)
    assert heads == [(0, "|u1", (500, 1000))]
    assert np.shares_memory(rows, whole)
    assert np.array_equal(whole[500:1000].ravel(), (np.arange(500_000) % 256).astype(np.uint8))
    assert not whole[:500].any()
    assert not whole[1000:].any()


async def test_an_answer_whose_head_is_refused_writes_nothing(wire: Wire) -> None:
    def place(index: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        raise ValueError("not the shape that was asked for")

    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        parrot = edge.ref(Parrot, "hub/parrot")
        with pytest.raises(ValueError, match="not the shape that was asked for"):
            await parrot.picture.into(place)(500, 1000)
        with pytest.raises(AskError):
            await parrot.picture.into(lambda *_: np.zeros((1, 1), np.uint8))(500, 1000)
        assert await parrot.data(b"on") == b"on"
        assert edge.statistics().budget_used == 0


async def test_what_cannot_travel_or_does_not_fit_is_refused_and_the_link_stays(wire: Wire) -> None:
    async with wire.hub() as hub, wire.edge(hub) as edge:
        await hub.spawn(Parrot, Options())
        parrot: Any = edge.ref(Parrot, "hub/parrot")
        with pytest.raises(NoSuchOp):
            await parrot.point("not a point")
        with pytest.raises(TypeError):
            await parrot.point(object())
        with pytest.raises(TypeError):
            await parrot.array(np.array(["text"]))
        with pytest.raises(TypeError):
            await parrot.point()
        assert await parrot.data(b"on") == b"on"
