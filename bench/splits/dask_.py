"""dask: map_overlap with the right halo, on two threads. Right but for Canny, whose edges run on across strips."""

from __future__ import annotations

from typing import Any

import dask.array
import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import parse_pipeline
from bench.splits import contender

STRIPS = 4


class Dask(contender.Contender):
    """The scheduler of one process, without a cluster."""

    async def open(self, pixels: int) -> None:
        cv2.setNumThreads(1)

    async def run(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        pipeline = parse_pipeline(operator)
        chunks = (-(-picture.shape[0] // STRIPS), picture.shape[1])
        strips: Any = dask.array.from_array(picture, chunks=chunks)
        worked = strips.map_overlap(
            pipeline.apply, depth=(pipeline.halo, 0), boundary="none", dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
        )
        return np.asarray(worked.compute(scheduler="threads", num_workers=2))

    def pids(self) -> list[int]:
        return []
