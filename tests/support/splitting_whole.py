"""A split without any node: work every strip, merge in any order, compare with the whole picture."""

import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import Pipeline
from actors.split.exact import Merge, work
from actors.split.plan import strips


def split(pipeline: Pipeline, picture: NDArray[Any], tiles: int, seed: int = 0) -> NDArray[Any]:
    """The picture worked in strips that come back in any order."""
    cut = strips(picture.shape[0], tiles, pipeline.halo)
    shape, dtype = pipeline.output(picture.shape, picture.dtype)
    out = np.full(shape, 77, dtype)
    merge = Merge(pipeline, out, cut)
    for strip in random.Random(seed).sample(cut, len(cut)):
        result = work(pipeline, picture[strip.src0 : strip.src1], strip)
        out[strip.y0 : strip.y1] = result.pixels
        merge.commit(strip.index, result)
    return merge.finish()


def whole(pipeline: Pipeline, picture: NDArray[Any]) -> NDArray[Any]:
    """The picture by the operators' documented OpenCV expressions alone, none of our code between them."""
    for operator in pipeline.operators:
        scope = {"cv2": cv2, "np": np, "im": picture, "fitted": _fitted, **operator.model_dump()}
        picture = eval(operator.expression, scope)
    return picture


def differing(pipeline: Pipeline, picture: NDArray[Any], tiles: int, seed: int = 0) -> int:
    """How many values of the split picture are not those of the whole one."""
    return int(np.count_nonzero(split(pipeline, picture, tiles, seed) != whole(pipeline, picture)))


def _fitted(im: NDArray[Any], longest: int) -> tuple[int, int]:
    height, width = im.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))
