"""Operators that need the whole picture; they run on the master after the merge."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from actors.kit.imaging.operators.base import DEEP, Operator, Picture, Shape


class Equalize(Operator):
    name = "equalize"
    summary = "Spread the histogram over all greys"
    expression = "cv2.equalizeHist(im)"
    splittable = False
    one_channel = True

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.equalizeHist(picture)


class Otsu(Operator):
    name = "otsu"
    summary = "Black and white at the threshold the histogram suggests"
    expression = "cv2.threshold(im, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]"
    splittable = False
    one_channel = True

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]


class Resize(Operator):
    name = "resize"
    summary = "Fit into a square, keeping the proportions; smaller pictures stay as they are"
    expression = "cv2.resize(im, fitted(im, longest), interpolation=cv2.INTER_AREA)"
    splittable = False
    dtypes = DEEP
    longest: Annotated[int, Field(ge=1, le=20_000)] = Field(1024, description="longest side in pixels")

    def output(self, shape: Shape, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
        width, height = fitted(shape, self.longest)
        return (height, width, *shape[2:]), dtype

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.resize(picture, fitted(picture.shape, self.longest), interpolation=cv2.INTER_AREA)


def fitted(shape: Shape, longest: int) -> tuple[int, int]:
    """(width, height) of a picture of `shape` with its longest side at most `longest`; never below one pixel."""
    height, width = shape[:2]
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
