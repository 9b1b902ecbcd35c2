"""What this machine is: its speed, and a digest of what every operator computes here.

Two machines with the same cv2 version and digest work every operator bit for bit alike (`agreement` decides on it).
The pictures are drawn by arithmetic, so that they are the same everywhere. Blocking; meant for the executor.
"""

from __future__ import annotations

import hashlib
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.operators import catalogue
from actors.kit.imaging.pipeline import Pipeline, parse_pipeline
from runtime.errors import Problem

PACE = "gaussian:ksize=5|sobel"
ROUNDS = 3


@dataclass(frozen=True)
class Calibration:
    """`speed` and `one_thread` are in megapixels a second of the pace pipeline: as set up here, and on one thread."""

    speed: float
    one_thread: float
    cv2: str
    digest: str

    @property
    def group(self) -> str:
        """As `agreement.group_of` has it for a worker's card."""
        return f"{self.cv2}/{self.digest}"


def calibrate(threads: int | None = None) -> Calibration:
    """Measure; with `threads`, cv2 keeps to that many in this whole process from now on."""
    from actors.kit.imaging.cv import cv2

    if threads is not None:
        cv2.setNumThreads(threads)
    usual = cv2.getNumThreads()
    speed = pace()
    cv2.setNumThreads(1)
    one_thread = pace()
    cv2.setNumThreads(usual)
    return Calibration(speed, one_thread, cv2.__version__, digest())


def pace() -> float:
    """Megapixels a second: the best of a few rounds over half a megapixel, some 10 ms in all."""
    picture = drawn(512, 1024)
    pipeline = parse_pipeline(PACE)
    pipeline.apply(picture)
    return picture.size / min(_seconds(pipeline, picture) for _ in range(ROUNDS)) / 1e6


def estimate(pipeline: Pipeline, picture: NDArray[Any]) -> float:
    """Seconds this machine needs for the whole picture, from working a crop of at most half a megapixel."""
    top, left = max(0, picture.shape[0] - 512) // 2, max(0, picture.shape[1] - 1024) // 2
    crop = np.ascontiguousarray(picture[top : top + 512, left : left + 1024])
    share = crop.size / picture.size
    return min(_seconds(pipeline, crop) for _ in range(2)) / share


def digest() -> str:
    """SHA-256 over the results of every operator with its defaults, on a grey and a colour picture."""
    grey = drawn(61, 83)
    colour = np.dstack([grey, grey.T.copy().reshape(grey.shape), grey[::-1]])
    total = hashlib.sha256()
    for info in catalogue():
        pipeline = parse_pipeline(info.name)
        for picture in (grey, np.ascontiguousarray(colour)):
            total.update(f"{info.name} {picture.shape}".encode())
            total.update(_result(pipeline, picture))
    return total.hexdigest()


def drawn(height: int, width: int) -> NDArray[np.uint8]:
    """A grey picture with edges, slopes and fine structure, from integer arithmetic alone."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    slopes = (x * 3 + y * 5) % 256
    rings = ((x - width // 2) ** 2 + (y - height // 3) ** 2) // 97 % 256
    grain = (x * 7919 + y * 104729 + x * y * 31) % 23
    picture: NDArray[np.uint8] = ((slopes + 2 * rings) // 3 + grain).clip(0, 255).astype(np.uint8)
    return picture


def host() -> str:
    """What workers of one machine have in common, whatever containers they are in."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else socket.gethostname()


def _result(pipeline: Pipeline, picture: NDArray[np.uint8]) -> bytes:
    try:
        pipeline.check(picture.shape, picture.dtype)
    except Problem as problem:
        return problem.code.encode()
    result: NDArray[Any] = pipeline.apply(picture)
    return f"{result.dtype} {result.shape}".encode() + result.tobytes()


def _seconds(pipeline: Pipeline, picture: NDArray[Any]) -> float:
    begun = time.perf_counter()
    pipeline.apply(picture)
    return time.perf_counter() - begun
