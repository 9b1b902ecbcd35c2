"""What a picture's first bytes say: its format and size, without decoding a pixel. Knows no cv2.

Sources: PNG (W3C), JPEG (ITU T.81), WebP container (RFC 9649), TIFF 6.0, BMP (BITMAPINFOHEADER).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from actors.kit.imaging.problems import DamagedPicture, UnsupportedPicture

Size = tuple[int, int]  # width, height

FORMATS = "JPEG, PNG, WebP, TIFF or BMP"


def size_of(data: memoryview) -> Size:
    """Width and height in pixels. UnsupportedPicture for another format, DamagedPicture for a broken header."""
    reader = _reader(bytes(data[:16]))
    if reader is None:
        raise UnsupportedPicture("not a picture of a known format", hint=f"send {FORMATS}")
    try:
        width, height = reader(data)
    except (struct.error, IndexError, ValueError) as error:
        raise DamagedPicture("the picture's header is cut short or broken", hint="send the whole file") from error
    if width < 1 or height < 1:
        raise DamagedPicture(f"a picture of {width} x {height} pixels", hint="send the whole file")
    return width, height


def _reader(head: bytes) -> Callable[[memoryview], Size] | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return _tiff
    if head[:2] == b"BM":
        return _bmp
    return None


def _png(data: memoryview) -> Size:
    if bytes(data[12:16]) != b"IHDR":
        raise ValueError("no IHDR")
    width, height = struct.unpack_from(">II", data, 16)
    if bytes(data[-12:]).find(b"IEND") < 0:
        raise ValueError("no IEND: the file is cut short")
    return width, height


def _jpeg(data: memoryview) -> Size:
    """Walk the segments to the frame header; the end must be marked, or the file was cut short."""
    if bytes(data[-4096:]).rfind(b"\xff\xd9") < 0:
        raise ValueError("no end of image: the file is cut short")
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("not a marker")
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])


def _webp(data: memoryview) -> Size:
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise ValueError("cut short")
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        return 1 + _u24(data, 24), 1 + _u24(data, 27)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _u24(data: memoryview, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _tiff(data: memoryview) -> Size:
    order = "<" if data[0] == ord("I") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    sizes: dict[int, int] = {}
    for i in range(entries):
        at = directory + 2 + 12 * i
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in (256, 257):
            (sizes[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 8)
    return sizes.get(256, 0), sizes.get(257, 0)


def _bmp(data: memoryview) -> Size:
    (length,) = struct.unpack_from("<I", data, 2)
    if length > len(data):
        raise ValueError("cut short")
    width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)
