"""Canny on a strip, exact across seams.

Hysteresis is the one step of Canny that is not local: a weak pixel is an edge when a path of weak pixels leads to a
strong one, however far away. A plain Canny of the strip with its halo is right everywhere but in components that
touch a seam (a first or last row with a neighbour strip beyond it) and hold no strong pixel in the strip itself.
Those few are looked for in windows: with both thresholds equal hysteresis does nothing, so that Canny shows all weak
pixels (`low`) or all strong ones (`high`), and on any crop of the picture exactly. The first window is a band along
the seam; a component that leaves it undecided is followed in a window of its own, doubled until it is decided. What
holds no strong pixel anywhere in the strip is pending: the merge follows it across the seams.

Source of the operator: J. Canny, A Computational Approach to Edge Detection (1986), as OpenCV implements it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.operators.edges import Canny

BAND = 24  # rows of the first window along a seam: most components end or turn out strong within it
REACH = 64  # rows, and columns to either side, of the first window around a component that leaves the band
EDGE = 255
UNDECIDED, NOTHING, STRONG, FIRST_PENDING = -1, 0, 1, 2  # pending components count up from the last

Numbers = NDArray[np.int32]


class Seams(msgspec.Struct, frozen=True):
    """What a strip leaves to the merge.

    `top` and `bottom` (width,) int32 say of each pixel of the first and last row: NOTHING, STRONG, or the number of
    a pending component; empty at the picture's own border. `pixels` (n,) int32 are the pending pixels, row * width +
    column within the strip, one component after the other, and `sizes` (k,) int32 how many each component has;
    numbers count from FIRST_PENDING.
    """

    top: Numbers
    bottom: Numbers
    pixels: Numbers
    sizes: Numbers


def canny_strip(operator: Canny, rows: NDArray[Any], above: int, below: int) -> tuple[NDArray[np.uint8], Seams]:
    """Edges of the strip within `rows`, of which `above` and `below` rows are halo (0 at the picture's border).

    `rows` is (above + height + below, width[, 3]) uint8 and right in every row. Gives the edges (height, width)
    without the pending pixels, and the seams. CPU work.
    """
    height = rows.shape[0] - above - below
    edges = np.ascontiguousarray(operator.apply(rows)[above : above + height])
    seams = _Search(_Strip(operator, rows, above, height), top=above > 0, bottom=below > 0).run()
    edges.reshape(-1)[seams.pixels] = 0
    return edges, seams


@dataclass(frozen=True)
class _Window:
    """Weak components of a part of a strip whose first pixel is at row `y`, column `x`.

    `labels` (height, width) counts them from 1; by label, `strong` says which hold a strong pixel here and `cut`
    which may go on in the strip beyond the window.
    """

    y: int
    x: int
    labels: Numbers
    strong: NDArray[np.bool_]
    cut: NDArray[np.bool_]


class _Strip:
    """The strip's weak and strong pixels, computed where they are asked for."""

    def __init__(self, operator: Canny, rows: NDArray[Any], above: int, height: int) -> None:
        low, high = sorted((operator.low, operator.high))  # as OpenCV takes them
        self._weak = operator.model_copy(update={"low": low, "high": low})
        self._strong = operator.model_copy(update={"low": high, "high": high})
        self._rows = rows
        self._above = above
        self.height = height
        self.width = rows.shape[1]

    def window(self, y0: int, y1: int, x0: int, x1: int) -> _Window:
        """Rows `y0` to `y1` and columns `x0` to `x1`, as far as the strip has them."""
        from actors.kit.imaging.cv import cv2

        y0, y1, x0, x1 = max(0, y0), min(self.height, y1), max(0, x0), min(self.width, x1)
        top, left = max(0, self._above + y0 - self._weak.halo), max(0, x0 - self._weak.halo)
        crop = self._rows[top : self._above + y1 + self._weak.halo, left : x1 + self._weak.halo]
        inside = np.s_[self._above + y0 - top : self._above + y1 - top, x0 - left : x1 - left]
        count, found = cv2.connectedComponents(self._weak.apply(crop)[inside], connectivity=8)
        labels: Numbers = np.asarray(found, np.int32)
        strong, cut = np.zeros(count, bool), np.zeros(count, bool)
        strong[labels[self._strong.apply(crop)[inside] > 0]] = True
        cut[labels[0]] |= y0 > 0
        cut[labels[-1]] |= y1 < self.height
        cut[labels[:, 0]] |= x0 > 0
        cut[labels[:, -1]] |= x1 < self.width
        return _Window(y0, x0, labels, strong, cut)


class _Search:
    """Decides every pixel of the seam rows, and lists the pending components on the way."""

    def __init__(self, strip: _Strip, *, top: bool, bottom: bool) -> None:
        self._strip = strip
        self._top, self._bottom = top, bottom
        rows = {0} if top else set()
        rows |= {strip.height - 1} if bottom else set()
        self._seams = {row: np.full(strip.width, UNDECIDED, np.int32) for row in sorted(rows)}
        self._pixels: list[Numbers] = []
        self._sizes: list[Numbers] = []
        self._next = FIRST_PENDING
        self._searched = 0  # pixels, over all windows around single components

    def run(self) -> Seams:
        """The seams of the strip."""
        for row, seam in self._seams.items():
            self._settle(self._reaching(row, BAND, 0, self._strip.width))
            for column in np.flatnonzero(seam == UNDECIDED):
                self._follow(row, int(column))
        none: Numbers = np.zeros(0, np.int32)
        return Seams(
            self._seams[0] if self._top else none,
            self._seams[self._strip.height - 1] if self._bottom else none,
            np.concatenate([none, *self._pixels]),
            np.concatenate([none, *self._sizes]),
        )

    def _follow(self, row: int, column: int) -> None:
        """Look further and further around a pixel of a seam, until it is decided. Once that took as much as the
        whole strip, the whole strip is looked at: it decides all there is, whatever the picture."""
        reach = REACH
        while self._seams[row][column] == UNDECIDED:
            self._searched += 2 * reach * reach
            if self._searched > self._strip.height * self._strip.width:
                self._settle(self._strip.window(0, self._strip.height, 0, self._strip.width))
            else:
                self._settle(self._reaching(row, reach, column - reach, column + reach))
            reach *= 2

    def _reaching(self, row: int, depth: int, x0: int, x1: int) -> _Window:
        return self._strip.window(row + 1 - depth if row else 0, row + 1 if row else depth, x0, x1)

    def _settle(self, window: _Window) -> None:
        """Decide what the window shows: strong components, and those that end within it."""
        here = [(seam[window.x :][: window.labels.shape[1]], window.labels[row - window.y])
                for row, seam in self._seams.items() if 0 <= row - window.y < len(window.labels)]  # fmt: skip
        asked = np.zeros(len(window.strong), bool)
        for seam, labels in here:
            asked[labels[seam == UNDECIDED]] = True
        asked[0] = False
        numbers = np.where(window.strong, STRONG, UNDECIDED).astype(np.int32)
        numbers[0] = NOTHING
        self._list(window, numbers, np.flatnonzero(asked & ~window.strong & ~window.cut))
        for seam, labels in here:
            np.copyto(seam, numbers[labels], where=seam == UNDECIDED)

    def _list(self, window: _Window, numbers: Numbers, pending: NDArray[np.intp]) -> None:
        """Number the pending components, given by label, and list their pixels."""
        if not len(pending):
            return
        numbers[pending] = np.arange(self._next, self._next + len(pending))
        self._next += len(pending)
        numbered = numbers[window.labels]
        at = np.flatnonzero(numbered >= FIRST_PENDING)
        y, x = np.divmod(at, numbered.shape[1])
        component = numbered.reshape(-1)[at]
        order = np.argsort(component, kind="stable")
        pixels = (y + window.y) * self._strip.width + x + window.x
        self._pixels.append(pixels[order].astype(np.int32))
        self._sizes.append(np.bincount(component, minlength=self._next)[self._next - len(pending) :].astype(np.int32))
