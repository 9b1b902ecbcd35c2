"""One picture being put together from tiles: the strips that go out, and the rows that replies may be written to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.pipeline import Pipeline
from actors.split.exact import Merge
from actors.split.plan import Strip, strips
from actors.split.tiler import TileReply, TileTask
from runtime.actor import Place

SEAM_BYTES = 8  # a pixel, at most, for each array that says what is pending at the seams


class MisfitError(Exception):
    """A reply that cannot be the tile it answers for; its worker is at fault."""


class SurplusError(Exception):
    """A reply that comes after another one was granted the rows."""


class SplitJob:
    """A picture (height, width) or (height, width, channels), its strips, and the result as far as it has come.

    The strips are views; the result's rows are received straight into `out`. Memory beyond the picture is the
    result and what the merge keeps of the seams.
    """

    def __init__(self, name: str, pipeline: Pipeline, picture: NDArray[Any], tiles: int) -> None:
        self.name = name
        self.strips: list[Strip] = strips(picture.shape[0], tiles, pipeline.halo)
        shape, dtype = pipeline.output(picture.shape, picture.dtype)
        self.out: NDArray[Any] = np.empty(shape, dtype)
        self._pipeline = str(pipeline)
        self._picture = picture
        self._merge = Merge(pipeline, self.out, self.strips)

    def task(self, tile: int) -> tuple[TileTask, NDArray[Any]]:
        """What a worker needs for the tile; the rows are a view of the picture."""
        strip = self.strips[tile]
        task = TileTask(job=self.name, tile=tile, pipeline=self._pipeline, strip=strip)
        return task, self._picture[strip.src0 : strip.src1]

    def rows(self, tile: int) -> tuple[int, int]:
        """The rows of the result the tile is about: first, one past the last."""
        return self.strips[tile].y0, self.strips[tile].y1

    def place(self, tile: int, grant: Callable[[], bool]) -> Place:
        """Where a reply's arrays go. Raises MisfitError for pixels of another dtype or shape, and SurplusError unless
        `grant()` then gives the rows to this reply: nothing else can ever be written into the result."""
        rows = self.out[slice(*self.rows(tile))]

        def place(index: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
            if index > 0:
                if math.prod(shape) * dtype.itemsize > SEAM_BYTES * rows.size + SEAM_BYTES:
                    raise MisfitError(f"answered {dtype}{shape} about the seams of a tile of {rows.shape}")
                return None
            if dtype != rows.dtype or shape != rows.shape:
                raise MisfitError(f"answered {dtype}{shape} for a tile of {rows.dtype}{rows.shape}")
            if not grant():
                raise SurplusError
            return rows

        return place

    def commit(self, tile: int, reply: TileReply, grant: Callable[[], bool]) -> None:
        """Take the whole reply in: rows, pending components and seam rows together, or none of it.

        A reply from this very node was not received but handed over, so it is granted and copied here. Raises as
        `place` does, and MisfitError for a reply about another tile or with components that cannot be.
        """
        if (reply.job, reply.tile) != (self.name, tile):
            raise MisfitError(f"answered for tile {reply.tile} of {reply.job} when asked for {tile} of {self.name}")
        rows = self.out[slice(*self.rows(tile))]
        if not np.may_share_memory(reply.result.pixels, rows):
            destination = self.place(tile, grant)(0, reply.result.pixels.dtype, reply.result.pixels.shape)
            assert destination is not None
            destination[...] = reply.result.pixels
        try:
            self._merge.commit(tile, reply.result)
        except ValueError as error:
            raise MisfitError(f"answered with impossible components: {error}") from error

    def finish(self) -> NDArray[Any]:
        """The result, once every tile is committed. CPU work."""
        return self._merge.finish()
