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
from actors.split.canny import EDGE, FIRST_PENDING, NOTHING, STRONG, Numbers, Seams, canny_strip
from actors.split.plan import Strip, strips

BLOCK_PIXELS = 1 << 18  # with its intermediate results it fits into the cache of one core
HALOS_A_BLOCK = 48  # a block repeats two halos of its neighbours' work: 4 %


class TileResult(msgspec.Struct, frozen=True):
    """One strip, worked: `pixels` are its rows of the result, `seams` what Canny leaves to the merge."""

    pixels: NDArray[Any]
    seams: Seams | None = None


def work(pipeline: Pipeline, rows: NDArray[Any], strip: Strip) -> TileResult:
    """The strip's rows of the result, from the picture's rows `src0` to `src1`. CPU work."""
    y0, y1 = strip.y0 - strip.src0, strip.y1 - strip.src0
    last = pipeline.operators[-1]
    if not isinstance(last, Canny):
        return TileResult(_blockwise(pipeline, rows, y0, y1))
    above, below = min(last.halo, y0), min(last.halo, len(rows) - y1)
    ready = _blockwise(Pipeline(pipeline.operators[:-1]), rows, y0 - above, y1 + below)
    return TileResult(*canny_strip(last, ready, above, below))


def _blockwise(pipeline: Pipeline, rows: NDArray[Any], y0: int, y1: int) -> NDArray[Any]:
    """Rows `y0` to `y1` of the result; in blocks where one step leaves something for the next, which so stays in the
    cache. The ends of `rows` are the picture's own, or no nearer than the halo."""
    if len(pipeline.operators) < 2 and not any(operator.bulky for operator in pipeline.operators):
        return np.ascontiguousarray(pipeline.apply(rows)[y0:y1])
    shape, dtype = pipeline.output((y1 - y0, *rows.shape[1:]), rows.dtype)
    out = np.empty(shape, dtype)
    height = max(1, BLOCK_PIXELS // rows.shape[1], HALOS_A_BLOCK * pipeline.halo)
    for block in strips(y1 - y0, -(-(y1 - y0) // height), 0):
        top, end = max(0, y0 + block.y0 - pipeline.halo), y0 + block.y1 + pipeline.halo
        inner = y0 + block.y0 - top
        out[block.y0 : block.y1] = pipeline.apply(rows[top:end])[inner : inner + block.y1 - block.y0]
    return out


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
        """The whole result, once every strip is committed. CPU work, little beside that of the strips."""
        if self._follows:
            seams = [self._seams[strip.index] for strip in self._strips]
            for strip, its, edges in zip(self._strips, seams, decide(seams), strict=True):
                at = its.pixels[np.repeat(edges, its.sizes)]
                self._out[strip.y0 : strip.y1].reshape(-1)[at] = EDGE
        return self._out

    def _check(self, strip: Strip, seams: Seams) -> None:
        width, pixels = self._out.shape[1], (strip.y1 - strip.y0) * self._out.shape[1]
        top = width if strip.index > 0 else 0
        bottom = width if strip.index < len(self._strips) - 1 else 0
        if seams.top.shape != (top,) or seams.bottom.shape != (bottom,):
            raise ValueError("seam rows of another width")
        if seams.pixels.ndim != 1 or seams.sizes.ndim != 1 or not _within(seams.sizes, 1, pixels + 1):
            raise ValueError("pending components of impossible sizes")
        if int(seams.sizes.sum(dtype=np.int64)) != len(seams.pixels) or not _within(seams.pixels, 0, pixels):
            raise ValueError("pending pixels that are not in the strip, or in no component")
        for row in (seams.top, seams.bottom):
            if not _within(row, NOTHING, FIRST_PENDING + len(seams.sizes)):
                raise ValueError("seam rows with impossible components")


def decide(seams: Sequence[Seams]) -> list[NDArray[np.bool_]]:
    """Of every strip's pending components (k,): is it an edge? It is when seams lead from it to a strong one."""
    offsets = np.cumsum([0, *(len(its.sizes) for its in seams)])
    edge = np.zeros(int(offsets[-1]), bool)
    neighbours: dict[int, list[int]] = {}
    for index in range(len(seams) - 1):
        one, other = _touching(seams[index].bottom, seams[index + 1].top)
        a, b = one + (offsets[index] - FIRST_PENDING), other + (offsets[index + 1] - FIRST_PENDING)
        edge[a[other == STRONG]] = True
        edge[b[one == STRONG]] = True
        open_ = (one != STRONG) & (other != STRONG)
        for here, there in zip(a[open_].tolist(), b[open_].tolist(), strict=True):
            neighbours.setdefault(here, []).append(there)
            neighbours.setdefault(there, []).append(here)
    reached = np.flatnonzero(edge).tolist()
    while reached:
        for component in neighbours.get(reached.pop(), ()):
            if not edge[component]:
                edge[component] = True
                reached.append(component)
    return np.split(edge, offsets[1:-1])


def _touching(above: Numbers, below: Numbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of components that meet across a seam, each once: 8-connected, so columns x - 1, x and x + 1."""
    width = len(above)
    pairs = [np.zeros(0, np.int64)]
    for shift in (-1, 0, 1):
        one = above[max(0, -shift) : width - max(0, shift)]
        other = below[max(0, shift) : width - max(0, -shift)]
        both = (one > NOTHING) & (other > NOTHING) & ~((one == STRONG) & (other == STRONG))
        pairs.append(one[both].astype(np.int64) << 32 | other[both])
    pairs_once = np.unique(np.concatenate(pairs))
    return pairs_once >> 32, pairs_once & 0xFFFF_FFFF


def _within(values: Numbers, low: int, end: int) -> bool:
    return not len(values) or (int(values.min()) >= low and int(values.max()) < end)
