"""The whole picture through OpenCV in this process: on one thread, the reference, and on two."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import parse_pipeline
from bench.splits import contender


class OneThread(contender.Contender):
    """What everyone is compared with."""

    threads: ClassVar[int] = 1

    async def open(self, pixels: int) -> None:
        cv2.setNumThreads(self.threads)

    async def run(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        return parse_pipeline(operator).apply(picture)

    def pids(self) -> list[int]:
        return []


class TwoThreads(OneThread):
    """OpenCV's own threads."""

    threads: ClassVar[int] = 2
