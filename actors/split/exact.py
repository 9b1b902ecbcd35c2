"""Exact splitting: what a worker computes for a strip, and how the master makes one picture of the answers.

Every splittable pipeline gives, bit for bit, what its operators give on the whole picture. Pure functions of their
arguments; `work` may run in any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.operators.edges import Canny
from actors.kit.imaging.pipeline import Pipeline
from actors.split.canny import EDGE, FIRST_PENDING, NOTHING, STRONG, Labels, Seams, canny_strip
from actors.split.plan import Strip


class TileResult(msgspec.Struct, frozen=True):
    """One strip, worked: `pixels` are its rows of the result, `seams` what Canny leaves to the merge."""

    pixels: NDArray[Any]
    seams: Seams | None = None


def work(pipeline: Pipeline, rows: NDArray[Any], strip: Strip) -> TileResult:
    """The strip's rows of the result, from the picture's rows `src0` to `src1`. CPU work."""
    *before, last = pipeline.operators
    if not isinstance(last, Canny):
        return TileResult(np.ascontiguousarray(pipeline.apply(rows)[strip.y0 - strip.src0 : strip.y1 - strip.src0]))
    for operator in before:
        rows = operator.apply(rows)
    above, below = min(last.halo, strip.y0 - strip.src0), min(last.halo, strip.src1 - strip.y1)
    core = rows[strip.y0 - strip.src0 - above : strip.y1 - strip.src0 + below]
    return TileResult(*canny_strip(last, np.ascontiguousarray(core), above, below))


class Merge:
    """The master's side: tiles in, in any order; pending components are joined across the seams at the end."""

    def __init__(self, pipeline: Pipeline, out: NDArray[Any], strips: Sequence[Strip]) -> None:
        self._out = out
        self._strips = strips
        self._follows = isinstance(pipeline.operators[-1], Canny)
        self._seams: dict[int, Seams] = {}

    def commit(self, index: int, result: TileResult) -> None:
        """Take the strip's seams (its pixels are in `out` already); ValueError for any that cannot be."""
        if (result.seams is None) == self._follows:
            raise ValueError("seams where there are none, or none where there are")
        if result.seams is not None:
            self._check(self._strips[index], result.seams)
            self._seams[index] = result.seams

    def finish(self) -> NDArray[Any]:
        """The whole result, once every strip is committed."""
        if self._follows:
            joined = _join([self._seams[strip.index] for strip in self._strips])
            for strip in self._strips:
                self._paint(strip, self._seams[strip.index], joined)
        return self._out

    def _check(self, strip: Strip, seams: Seams) -> None:
        width, rows = self._out.shape[1], strip.y1 - strip.y0
        top = width if strip.index > 0 else 0
        bottom = width if strip.index < len(self._strips) - 1 else 0
        if seams.top.shape != (top,) or seams.bottom.shape != (bottom,):
            raise ValueError("seam rows of another width")
        if seams.pixels.ndim != 1 or seams.pixels.shape != seams.components.shape:
            raise ValueError("pending pixels without a component each")
        if not _within(seams.pixels, 0, rows * width) or not _within(seams.components, FIRST_PENDING, rows * width + 2):
            raise ValueError("pending pixels outside the strip")
        for row in (seams.top, seams.bottom):
            if not _within(row, NOTHING, rows * width + 2):
                raise ValueError("seam rows with impossible components")

    def _paint(self, strip: Strip, seams: Seams, joined: _Components) -> None:
        if len(seams.pixels):
            numbers = np.unique(seams.components)
            strong = numbers[[joined.is_strong(strip.index, int(number)) for number in numbers]]
            at = seams.pixels[np.isin(seams.components, strong)]
            self._out[strip.y0 : strip.y1].reshape(-1)[at] = EDGE


class _Components:
    """Union-find over (strip, number); every STRONG is one and the same."""

    def __init__(self) -> None:
        self._parent: dict[tuple[int, int], tuple[int, int]] = {}

    def find(self, strip: int, number: int) -> tuple[int, int]:
        node = (0, STRONG) if number == STRONG else (strip, number)
        while (parent := self._parent.get(node, node)) != node:
            self._parent[node] = self._parent.get(parent, parent)
            node = parent
        return node

    def union(self, one: tuple[int, int], other: tuple[int, int]) -> None:
        self._parent[self.find(*one)] = self.find(*other)

    def is_strong(self, strip: int, number: int) -> bool:
        return self.find(strip, number) == self.find(0, STRONG)


def _join(seams: Sequence[Seams]) -> _Components:
    joined = _Components()
    for index in range(len(seams) - 1):
        for one, other in _touching(seams[index].bottom, seams[index + 1].top):
            joined.union((index, one), (index + 1, other))
    return joined


def _touching(above: Labels, below: Labels) -> list[tuple[int, int]]:
    """Pairs of components that meet across a seam, 8-connected: columns x - 1, x and x + 1."""
    width = len(above)
    pairs = []
    for shift in (-1, 0, 1):
        one = above[max(0, -shift) : width - max(0, shift)]
        other = below[max(0, shift) : width - max(0, -shift)]
        both = (one > NOTHING) & (other > NOTHING) & ~((one == STRONG) & (other == STRONG))
        pairs.append(np.stack([one[both], other[both]], axis=1))
    found = np.unique(np.concatenate(pairs), axis=0)
    return [(int(one), int(other)) for one, other in found]


def _within(values: Labels, low: int, end: int) -> bool:
    return not len(values) or (int(values.min()) >= low and int(values.max()) < end)
