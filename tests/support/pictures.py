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


def spirals(seed: int, height: int, width: int) -> NDArray[Any]:
    """A grey picture whose weak edges wind through all of it, with a strong spot here and there."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] - np.array([height / 2, width / 2])[:, None, None]
    arms = np.hypot(x, y) / rng.uniform(1, 5) + np.arctan2(y, x) * rng.integers(0, 5)
    picture = (120 + rng.uniform(5, 60) * np.sin(arms) + rng.normal(0, 1, (height, width))).clip(0, 255)
    picture[rng.random((height, width)) < 3 / (height * width)] = 255
    return np.asarray(picture, np.uint8)


def deep(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """The same picture with 16 bits, its low byte not empty."""
    return np.asarray((picture.astype(np.uint16) << 8) | (picture[::-1] ^ 0x5A), np.uint16)
