"""Pictures for tests: noise, smooth noise, lines and clouds, from a seed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2

KINDS = ("noise", "smooth", "lines", "clouds")


def drawn(seed: int, height: int, width: int, *, colour: bool = False, kind: str = "smooth") -> NDArray[Any]:
    """A uint8 picture (height, width[, 3])."""
    rng = np.random.default_rng(seed)
    shape = (height, width, 3) if colour else (height, width)
    noise = rng.integers(0, 256, shape, np.uint8)
    if kind == "noise":
        return noise
    if kind == "smooth":
        return np.asarray(cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.5, 4))))
    if kind == "clouds":
        return np.asarray(cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), noise, 0, 255, cv2.NORM_MINMAX))
    canvas = np.zeros(shape, np.uint8)
    for _ in range(int(rng.integers(1, 12))):
        start, end = ((int(rng.integers(width)), int(rng.integers(height))) for _ in range(2))
        cv2.line(canvas, start, end, [int(c) for c in rng.integers(0, 256, 3)], int(rng.integers(1, 4)))
    return np.asarray(cv2.GaussianBlur(canvas, (3, 3), 0))


def deep(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """The same picture with 16 bits, its low byte not empty."""
    return np.asarray((picture.astype(np.uint16) << 8) | (picture[::-1] ^ 0x5A), np.uint16)
