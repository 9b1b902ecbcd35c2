"""Two processes and shared memory, strips with the right halo: what one would write with the standard library."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import parse_pipeline
from actors.split.plan import Strip, strips
from bench.splits import contender

STRIPS = 4
Shape = tuple[int, ...]


class Pool(contender.Contender):
    """The picture is copied into shared memory; the result is read from there."""

    async def open(self, pixels: int) -> None:
        self._memory = [SharedMemory(create=True, size=pixels) for _ in range(2)]
        self._pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), initializer=_prepare)
        loop = asyncio.get_running_loop()
        self._pids = set(await asyncio.gather(*(loop.run_in_executor(self._pool, _pid) for _ in range(8))))

    async def run(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        source, result = (np.ndarray(picture.shape, np.uint8, memory.buf) for memory in self._memory)
        source[...] = picture
        names = [memory.name for memory in self._memory]
        loop = asyncio.get_running_loop()
        parts = strips(picture.shape[0], STRIPS, parse_pipeline(operator).halo)
        work = (loop.run_in_executor(self._pool, _work, names, picture.shape, operator, strip) for strip in parts)
        await asyncio.gather(*work)
        return result

    def pids(self) -> list[int]:
        return sorted(self._pids)

    async def close(self) -> None:
        self._pool.shutdown()
        for memory in self._memory:
            memory.close()
            memory.unlink()


def _prepare() -> None:
    cv2.setNumThreads(1)


def _pid() -> int:
    pid = multiprocessing.current_process().pid
    assert pid is not None
    return pid


def _work(names: list[str], shape: Shape, operator: str, strip: Strip) -> None:
    memory = [SharedMemory(name=name) for name in names]
    source, result = (np.ndarray(shape, np.uint8, one.buf) for one in memory)
    worked = parse_pipeline(operator).apply(source[strip.src0 : strip.src1])
    result[strip.y0 : strip.y1] = worked[strip.y0 - strip.src0 : strip.y1 - strip.src0]
    del source, result
    for one in memory:
        one.close()
