"""Operators on single pixels, and on a pixel against its neighbourhood's mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from actors.kit.imaging.operators.base import DEEP, Operator, Picture, Shape
from actors.kit.imaging.operators.kernel import Block


class Gray(Operator):
    name = "gray"
    summary = "One channel from three; grey stays as it is"
    expression = "im if im.ndim == 2 else cv2.cvtColor(im, cv2.COLOR_BGR2GRAY)"
    dtypes = DEEP

    def output(self, shape: Shape, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
        return shape[:2], dtype

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)


class Invert(Operator):
    name = "invert"
    summary = "The negative"
    expression = "cv2.bitwise_not(im)"
    dtypes = DEEP

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.bitwise_not(picture)


class Threshold(Operator):
    name = "threshold"
    summary = "White above a value, black below"
    expression = "cv2.threshold(im, value, np.iinfo(im.dtype).max, cv2.THRESH_BINARY)[1]"
    dtypes = DEEP
    value: Annotated[float, Field(ge=0, le=65535)] = Field(128, description="pixels above become white")

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        return cv2.threshold(picture, self.value, float(np.iinfo(picture.dtype).max), cv2.THRESH_BINARY)[1]


class Adaptive(Operator):
    name = "adaptive"
    summary = "White above the mean of the neighbourhood, black below: for uneven light"
    expression = (
        "cv2.adaptiveThreshold(im, 255, {'mean': cv2.ADAPTIVE_THRESH_MEAN_C, "
        "'gaussian': cv2.ADAPTIVE_THRESH_GAUSSIAN_C}[method], cv2.THRESH_BINARY, block, c)"
    )
    one_channel = True
    block: Block = Field(11, description="size of the neighbourhood, odd")
    c: Annotated[float, Field(ge=-255, le=255)] = Field(2, description="taken off the mean")
    method: Literal["mean", "gaussian"] = Field("mean", description="which mean")

    @property
    def halo(self) -> int:
        return self.block // 2

    def apply(self, picture: Picture) -> Picture:
        from actors.kit.imaging.cv import cv2

        methods = {"mean": cv2.ADAPTIVE_THRESH_MEAN_C, "gaussian": cv2.ADAPTIVE_THRESH_GAUSSIAN_C}
        return cv2.adaptiveThreshold(picture, 255, methods[self.method], cv2.THRESH_BINARY, self.block, self.c)
