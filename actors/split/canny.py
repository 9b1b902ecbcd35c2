"""Canny on a strip, exact across seams.

Hysteresis is the one step of Canny that is not local: a weak pixel is an edge when a path of weak pixels leads to a
strong one, however far away. A plain Canny of the strip is right everywhere but in components that touch a seam
(a first or last row with a neighbour strip beyond it) and hold no strong pixel of their own. Those are looked for in
a band of rows along the seam only: with both thresholds equal, Canny shows every weak pixel (`low`) or every strong
one (`high`), locally and exactly. A component that leaves the band on its inner side without a strong pixel doubles
the band. What stays undecided is `pending`: the merge follows it across the seams.

Source of the operator: J. Canny, A Computational Approach to Edge Detection (1986), as OpenCV implements it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.operators.edges import Canny

BAND = 48  # rows looked at along a seam to begin with
EDGE = 255
NOTHING, STRONG, FIRST_PENDING = 0, 1, 2  # what a seam row says of a pixel; pending components count up from there

Labels = NDArray[np.int32]
_NO_LABELS: Labels = np.zeros(0, np.int32)


class Seams(msgspec.Struct, frozen=True):
    """What a strip leaves to the merge.

    `top` and `bottom` (width,) int32 say of each pixel of the first and last row: NOTHING, STRONG, or the number of
    a pending component; empty at the picture's own border. `pixels` (n,) int32 are the pending pixels, row * width +
    column within the strip, and `components` (n,) int32 the component of each.
    """

    top: Labels
    bottom: Labels
    pixels: Labels
    components: Labels


def canny_strip(operator: Canny, rows: NDArray[Any], above: int, below: int) -> tuple[NDArray[np.uint8], Seams]:
    """Edges of the strip within `rows`, of which `above` and `below` rows are halo (0 at the picture's border).

    `rows` is (above + height + below, width[, 3]) uint8 and right in every row. Gives the edges (height, width)
    without the pending pixels, and the seams.
    """
    height = rows.shape[0] - above - below
    edges = np.ascontiguousarray(operator.apply(rows)[above : above + height])
    strip = _Strip(operator, rows, above, height, top=above > 0, bottom=below > 0)
    if not (strip.top or strip.bottom):
        return edges, Seams(_NO_LABELS, _NO_LABELS, _NO_LABELS, _NO_LABELS)
    return edges, _collect(strip, edges)


class _Strip:
    """A strip with its halo: which of its own rows are seams, and bands of it."""

    def __init__(
        self, operator: Canny, rows: NDArray[Any], above: int, height: int, *, top: bool, bottom: bool
    ) -> None:
        low, high = sorted((operator.low, operator.high))  # as OpenCV takes them
        self._weak = operator.model_copy(update={"low": low, "high": low})
        self._strong = operator.model_copy(update={"low": high, "high": high})
        self._rows = rows
        self._above = above
        self.height = height
        self.top = top
        self.bottom = bottom

    def band(self, y0: int, y1: int) -> _Band:
        """Rows `y0` to `y1` of the strip, labelled."""
        halo = self._weak.halo
        src0 = max(0, self._above + y0 - halo)
        src1 = min(self._rows.shape[0], self._above + y1 + halo)
        rows = self._rows[src0:src1]
        inside = slice(self._above + y0 - src0, self._above + y1 - src0)
        return _Band(
            y0, self._weak.apply(rows)[inside], self._strong.apply(rows)[inside],
            top=self.top and y0 == 0, bottom=self.bottom and y1 == self.height,
            open_above=y0 > 0, open_below=y1 < self.height,
        )  # fmt: skip


class _Band:
    """Components of the weak pixels of some rows. Seams are rows with another strip beyond, open ends with our own."""

    def __init__(
        self, y0: int, weak: NDArray[np.uint8], strong: NDArray[np.uint8],
        *, top: bool, bottom: bool, open_above: bool, open_below: bool,
    ) -> None:  # fmt: skip
        from actors.kit.imaging.cv import cv2

        self.y0 = y0
        count, labels = cv2.connectedComponents(np.ascontiguousarray(weak), connectivity=8)
        self.labels: Labels = np.asarray(labels, np.int32)
        self.top = labels[0] if top else _NO_LABELS
        self.bottom = labels[-1] if bottom else _NO_LABELS
        self._strong = np.zeros(count, bool)
        self._strong[labels[strong > 0]] = True
        self._strong[0] = False
        self._ambiguous = np.zeros(count, bool)
        self._ambiguous[self.top] = True
        self._ambiguous[self.bottom] = True
        self._ambiguous &= ~self._strong
        self._ambiguous[0] = False
        ends = [labels[0]] * open_above + [labels[-1]] * open_below
        self.too_small = any(bool(self._ambiguous[end].any()) for end in ends)

    def numbers(self, first: int) -> Labels:
        """By label: NOTHING, STRONG, or for those pending a number from `first` on. Other labels do not matter."""
        numbers = np.where(self._strong, STRONG, NOTHING).astype(np.int32)
        numbers[self._ambiguous] = np.arange(first, first + np.count_nonzero(self._ambiguous), dtype=np.int32)
        return numbers


def _bands(strip: _Strip) -> list[_Band]:
    """A band a seam, as high as it must be; one of the whole strip where two would meet."""
    top_rows = BAND if strip.top else 0
    bottom_rows = BAND if strip.bottom else 0
    while True:
        if top_rows + bottom_rows >= strip.height:
            return [strip.band(0, strip.height)]
        bands = []
        if top_rows:
            bands.append(strip.band(0, top_rows))
        if bottom_rows:
            bands.append(strip.band(strip.height - bottom_rows, strip.height))
        if not any(band.too_small for band in bands):
            return bands
        top_rows, bottom_rows = _grown(bands, top_rows, bottom_rows)


def _grown(bands: list[_Band], top_rows: int, bottom_rows: int) -> tuple[int, int]:
    for band in bands:
        if band.too_small and len(band.top):
            top_rows *= 2
        elif band.too_small:
            bottom_rows *= 2
    return top_rows, bottom_rows


def _collect(strip: _Strip, edges: NDArray[np.uint8]) -> Seams:
    """Take the pending pixels out of `edges` and list them; say what the seam rows hold."""
    width = edges.shape[1]
    top = bottom = _NO_LABELS
    pixels: list[Labels] = []
    components: list[Labels] = []
    first = FIRST_PENDING
    for band in _bands(strip):
        numbers = band.numbers(first)
        first = max(first, int(numbers.max()) + 1)
        if len(band.top):
            top = numbers[band.top]
        if len(band.bottom):
            bottom = numbers[band.bottom]
        numbered = numbers[band.labels]
        at = np.flatnonzero(numbered >= FIRST_PENDING)
        pixels.append((at + band.y0 * width).astype(np.int32))
        components.append(numbered.reshape(-1)[at])
    seams = Seams(top, bottom, np.concatenate(pixels), np.concatenate(components))
    edges.reshape(-1)[seams.pixels] = 0
    return seams
