"""Operators that smooth."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from actors.kit.imaging.operators.base import DEEP, Operator, Picture, Shape
from actors.kit.imaging.operators.kernel import Kernel
from actors.kit.imaging.problems import OperatorMismatch

MEDIAN_DEEP = 5  # the largest median OpenCV has for 16 bits


class Gaussian(Operator):
    name = "gaussian"
    summary = "Smooth with a Gaussian"
    expression = "cv2.GaussianBlur(im, (ksize, ksize), sigma)"
    dtypes = DEEP
    ksize: Kernel = Field(5, description="size of the kernel, odd")
    sigma: Annotated[float, Field(ge=0, le=100)] = Field(0, description="0: chosen by ksize")

    @property
    def halo(self) -> int:
        return self.ksize // 2

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.GaussianBlur(picture, (self.ksize, self.ksize), self.sigma)


class Box(Operator):
    name = "box"
    summary = "Smooth with the plain mean"
    expression = "cv2.blur(im, (ksize, ksize))"
    dtypes = DEEP
    ksize: Kernel = Field(5, description="size of the kernel, odd")

    @property
    def halo(self) -> int:
        return self.ksize // 2

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.blur(picture, (self.ksize, self.ksize))


class Median(Operator):
    name = "median"
    summary = "Remove specks: the median of the neighbourhood"
    expression = "cv2.medianBlur(im, ksize)"
    dtypes = DEEP
    ksize: Kernel = Field(5, description="size of the neighbourhood, odd; at most 5 for 16 bits")

    @property
    def halo(self) -> int:
        return self.ksize // 2

    def check(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        super().check(shape, dtype)
        if dtype == np.uint16 and self.ksize > MEDIAN_DEEP:
            raise OperatorMismatch(
                f"median takes a ksize of at most {MEDIAN_DEEP} on 16 bits, found {self.ksize}", hint="median:ksize=5"
            )

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.medianBlur(picture, self.ksize)


class Bilateral(Operator):
    name = "bilateral"
    summary = "Smooth, but not across edges"
    expression = "cv2.bilateralFilter(im, d, color, space)"
    d: Annotated[int, Field(ge=1, le=31)] = Field(9, description="diameter of the neighbourhood")
    color: Annotated[float, Field(gt=0, le=1000)] = Field(75, description="how different a neighbour may be")
    space: Annotated[float, Field(gt=0, le=1000)] = Field(75, description="how far a neighbour's weight reaches")

    @property
    def halo(self) -> int:
        return max(1, self.d // 2)

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.bilateralFilter(picture, self.d, self.color, self.space)
