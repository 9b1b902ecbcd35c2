"""Bytes from outside to a picture, and back: by magic bytes, with caps that hold before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.header import FORMATS, is_grey_png, size_of
from actors.kit.imaging.problems import DamagedPicture, PictureTooLarge, UnsupportedPicture


@dataclass(frozen=True)
class Limits:
    """What is taken at most: `bytes` of file, `pixels` of picture (width times height)."""

    bytes: int = 256_000_000
    pixels: int = 100_000_000


def decode(data: NDArray[np.uint8] | bytes, limits: Limits | None = None) -> NDArray[Any]:
    """The picture as stored: grey (H, W) or colour (H, W, 3) BGR, uint8 or uint16, no alpha, upright as EXIF says.

    Raises PictureTooLarge, UnsupportedPicture or DamagedPicture. CPU work: call it on an executor.
    """
    limits = limits or Limits()
    if len(data) == 0:
        raise UnsupportedPicture("the file is empty", hint=f"send {FORMATS}")
    if len(data) > limits.bytes:
        raise PictureTooLarge(f"{len(data):,} bytes; at most {limits.bytes:,} are taken", hint="send a smaller file")
    file = np.frombuffer(data, np.uint8)
    width, height = size_of(file.data)
    if width * height > limits.pixels:
        raise PictureTooLarge(
            f"{width} x {height} pixels; at most {limits.pixels / 1e6:g} megapixels are taken",
            hint="scale it down first",
        )
    return _as_stored(file, grey=is_grey_png(file.data))


def _as_stored(data: NDArray[np.uint8], *, grey: bool) -> NDArray[Any]:
    from actors.kit.imaging.cv import cv2

    try:
        picture = cv2.imdecode(data, cv2.IMREAD_ANYDEPTH | (cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_ANYCOLOR))
    except cv2.error as error:
        raise DamagedPicture("the picture cannot be decoded", hint="open it in a viewer to check it") from error
    if picture is None:
        raise DamagedPicture("the picture cannot be decoded", hint="open it in a viewer to check it")
    if picture.dtype not in (np.uint8, np.uint16):
        raise UnsupportedPicture(f"a picture of {picture.dtype}", hint="save it with 8 or 16 bits a channel")
    return np.ascontiguousarray(picture)


def encode(picture: NDArray[Any], suffix: str) -> bytes:
    """The picture as a file of the format `suffix` (".png", ".jpg", …) stands for. CPU work."""
    from actors.kit.imaging.cv import cv2

    try:
        done, data = cv2.imencode(suffix, picture)
    except cv2.error as error:
        raise UnsupportedPicture(f"pictures cannot be written as {suffix!r}", hint="use .png, .jpg or .tiff") from error
    if not done:
        raise UnsupportedPicture(f"this picture cannot be written as {suffix}", hint="use .png")
    return data.tobytes()


def encode_png(picture: NDArray[Any]) -> bytes:
    """The picture as PNG, lossless; the fastest level, as most results are sparse edges. CPU work."""
    from actors.kit.imaging.cv import cv2

    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
