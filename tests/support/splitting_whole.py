"""A split without any node: work every strip, merge in any order, compare with the whole picture."""

import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def differing(pipeline: Pipeline, picture: NDArray[Any], tiles: int, seed: int = 0) -> int:
    return int(np.count_nonzero(split(pipeline, picture, tiles, seed) != pipeline.apply(picture)))
