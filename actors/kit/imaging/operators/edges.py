"""Operators that find edges."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from actors.kit.imaging.operators.base import Operator, Picture, Shape
from actors.kit.imaging.operators.kernel import DerivativeKernel

Threshold = Annotated[float, Field(ge=0, le=100_000)]
Aperture = Literal[3, 5, 7]


class Canny(Operator):
    name = "canny"
    summary = "Thin connected edges between two thresholds"
    expression = "cv2.Canny(im, low, high, apertureSize=aperture, L2gradient=l2)"
    low: Threshold = Field(50, description="gradients below are no edge")
    high: Threshold = Field(150, description="gradients above are an edge by themselves")
    aperture: Aperture = Field(3, description="size of the Sobel kernel")
    l2: bool = Field(False, description="Euclidean length of the gradient instead of the sum of its parts")

    @property
    def halo(self) -> int:
        return self.aperture // 2 + 1

    def output(self, shape: Shape, dtype: np.dtype[np.generic]) -> tuple[Shape, np.dtype[np.generic]]:
        return shape[:2], np.dtype(np.uint8)

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.Canny(picture, self.low, self.high, apertureSize=self.aperture, L2gradient=self.l2)


class Sobel(Operator):
    name = "sobel"
    summary = "Strength of the gradient, both directions mixed"
    expression = (
        "cv2.addWeighted(cv2.convertScaleAbs(cv2.Sobel(im, cv2.CV_16S, 1, 0, ksize=ksize)), .5, "
        "cv2.convertScaleAbs(cv2.Sobel(im, cv2.CV_16S, 0, 1, ksize=ksize)), .5, 0)"
    )
    bulky = True
    ksize: DerivativeKernel = Field(3, description="size of the kernel, odd")

    @property
    def halo(self) -> int:
        return max(1, self.ksize // 2)

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return _mixed(
            cv2.Sobel(picture, cv2.CV_16S, 1, 0, ksize=self.ksize),
            cv2.Sobel(picture, cv2.CV_16S, 0, 1, ksize=self.ksize),
        )


class Scharr(Operator):
    name = "scharr"
    summary = "Like sobel, with the more even 3 x 3 kernel"
    expression = (
        "cv2.addWeighted(cv2.convertScaleAbs(cv2.Scharr(im, cv2.CV_16S, 1, 0)), .5, "
        "cv2.convertScaleAbs(cv2.Scharr(im, cv2.CV_16S, 0, 1)), .5, 0)"
    )
    bulky = True

    @property
    def halo(self) -> int:
        return 1

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return _mixed(cv2.Scharr(picture, cv2.CV_16S, 1, 0), cv2.Scharr(picture, cv2.CV_16S, 0, 1))


class Laplacian(Operator):
    name = "laplacian"
    summary = "Second derivative: where the gradient itself changes"
    expression = "cv2.convertScaleAbs(cv2.Laplacian(im, cv2.CV_16S, ksize=ksize))"
    bulky = True
    ksize: DerivativeKernel = Field(3, description="size of the kernel, odd")

    @property
    def halo(self) -> int:
        return max(1, self.ksize // 2)

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.convertScaleAbs(cv2.Laplacian(picture, cv2.CV_16S, ksize=self.ksize))


def _mixed(dx: Picture, dy: Picture) -> Picture:
    from actors.kit.imaging.cv import cv2

    return cv2.addWeighted(cv2.convertScaleAbs(dx), 0.5, cv2.convertScaleAbs(dy), 0.5, 0)
