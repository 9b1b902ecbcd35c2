"""Cutting a picture into row strips: views without copies, each with the halo its operator needs."""

from __future__ import annotations

from itertools import pairwise

import msgspec


class Strip(msgspec.Struct, frozen=True):
    """Rows `y0` to `y1` of the result, worked from the picture's rows `src0` to `src1` (ends exclusive)."""

    index: int
    y0: int
    y1: int
    src0: int
    src1: int


def strips(height: int, tiles: int, halo: int) -> list[Strip]:
    """`height` rows in at most `tiles` strips of nearly equal size; rows are never left out and none is empty."""
    tiles = max(1, min(tiles, height))
    edges = [height * i // tiles for i in range(tiles + 1)]
    return [Strip(i, y0, y1, max(0, y0 - halo), min(height, y1 + halo)) for i, (y0, y1) in enumerate(pairwise(edges))]
