"""Operators on shapes: the least, the most and their difference in a square neighbourhood."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from actors.kit.imaging.operators.base import DEEP, Operator, Picture
from actors.kit.imaging.operators.kernel import Kernel


class Morphology(Operator):
    """What the three share; not an operator by itself."""

    dtypes = DEEP
    ksize: Kernel = Field(3, description="size of the square, odd")

    @property
    def halo(self) -> int:
        return self.ksize // 2

    @property
    def square(self) -> NDArray[Any]:
        """The structuring element."""
        return np.ones((self.ksize, self.ksize), np.uint8)


class Erode(Morphology):
    name = "erode"
    summary = "The darkest of the neighbourhood"
    expression = "cv2.erode(im, np.ones((ksize, ksize), np.uint8))"

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.erode(picture, self.square)


class Dilate(Morphology):
    name = "dilate"
    summary = "The brightest of the neighbourhood"
    expression = "cv2.dilate(im, np.ones((ksize, ksize), np.uint8))"

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.dilate(picture, self.square)


class MorphGradient(Morphology):
    name = "morphgradient"
    summary = "Outlines: brightest less darkest of the neighbourhood"
    expression = "cv2.morphologyEx(im, cv2.MORPH_GRADIENT, np.ones((ksize, ksize), np.uint8))"

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, self.square)
