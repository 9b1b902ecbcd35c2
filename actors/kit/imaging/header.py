"""What a picture file says of itself, read without decoding a pixel: its size, and whether the file is all there.

OpenCV is only shown files that pass: a bomb would be allocated before it is refused, a file cut short could come back
half grey, and of several frames only one would be looked at. Knows no cv2.

Sources: PNG (W3C), JPEG (ITU T.81), WebP container (RFC 9649), TIFF 6.0, BMP (BITMAPINFOHEADER).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from actors.kit.imaging.problems import DamagedPicture, UnsupportedPicture

Size = tuple[int, int]  # width, height

FORMATS = "JPEG, PNG, WebP, TIFF or BMP"
MOST_CHUNKS = 200_000  # of a PNG: enough for 100 megapixels in chunks of 4 KiB
MOST_TILE_PIXELS = 4096 * 4096  # of a TIFF's tile, which is decoded whole
MOST_BITS = 16  # a channel

_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 256, 257, 258, 322, 323
_JPEG_END = re.compile(rb"\xff\xd9")


def size_of(data: memoryview) -> Size:
    """Width and height in pixels, of a file given as bytes.

    Raises UnsupportedPicture for another format or several frames, DamagedPicture for a broken header or a file that
    is cut short.
    """
    reader = _reader(bytes(data[:16]))
    if reader is None:
        raise UnsupportedPicture("not a picture of a known format", hint=f"send {FORMATS}")
    try:
        width, height = reader(data)
    except (struct.error, IndexError, ValueError) as error:
        what = str(error) if isinstance(error, ValueError) else "its header is missing"
        raise DamagedPicture(f"the file is cut short or broken: {what}", hint="send the whole file") from error
    if width < 1 or height < 1:
        raise DamagedPicture(f"a picture of {width} x {height} pixels", hint="send the whole file")
    return width, height


def is_grey_png(data: memoryview) -> bool:
    """Whether a PNG has one channel besides transparency, which a decoder may take for colour."""
    return bytes(data[:4]) == b"\x89PNG" and data[25] in (0, 4)


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
    """Walk the chunks to the last one."""
    if bytes(data[12:16]) != b"IHDR":
        raise ValueError("it does not begin with its header")
    width, height = struct.unpack_from(">II", data, 16)
    at = 8
    for _ in range(MOST_CHUNKS):
        (length,) = struct.unpack_from(">I", data, at)
        kind = bytes(data[at + 4 : at + 8])
        if kind == b"acTL" and struct.unpack_from(">I", data, at + 8)[0] > 1:
            raise _several_frames()
        at += 12 + length
        if at > len(data):
            break
        if kind == b"IEND":
            return width, height
    raise ValueError("its end is missing")


def _jpeg(data: memoryview) -> Size:
    """Walk the segments to the frame header and on to the first scan; after that the end must be marked."""
    size = None
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("a segment is missing")
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = width, height
        elif marker == 0xDA:
            break
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    if size is None:
        raise ValueError("its frame header is missing")
    if _JPEG_END.search(data, at) is None:
        raise ValueError("its end is missing")
    return size


def _webp(data: memoryview) -> Size:
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise ValueError("its end is missing")
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        if data[20] & 0x02:
            raise _several_frames()
        return 1 + _u24(data, 24), 1 + _u24(data, 27)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind != b"VP8 ":
        raise ValueError("it does not begin with its header")
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _u24(data: memoryview, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")


def _tiff(data: memoryview) -> Size:
    """Read the first directory; a second one is a second page."""
    order = "<" if data[0] == ord("I") else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, directory)
    tags = dict(_tiff_tag(data, order, directory + 2 + 12 * i) for i in range(entries))
    (next_directory,) = struct.unpack_from(order + "I", data, directory + 2 + 12 * entries)
    if next_directory:
        raise _several_frames()
    if tags.get(_TIFF_BITS, 1) > MOST_BITS:
        raise UnsupportedPicture(f"a picture of {tags[_TIFF_BITS]} bits a channel", hint="save it with 8 or 16 bits")
    if tags.get(_TIFF_TILE_WIDTH, 0) * tags.get(_TIFF_TILE_HEIGHT, 0) > MOST_TILE_PIXELS:
        raise UnsupportedPicture("its tiles are too large", hint="save it in strips")
    return tags.get(_TIFF_WIDTH, 0), tags.get(_TIFF_HEIGHT, 0)


def _tiff_tag(data: memoryview, order: str, at: int) -> tuple[int, int]:
    """A tag and its first value, for whole numbers of 16 or 32 bits; 0 for others."""
    tag, kind, count = struct.unpack_from(order + "HHI", data, at)
    form = {3: "H", 4: "I"}.get(kind)
    if form is None:
        return tag, 0
    size = struct.calcsize(order + form)
    where = at + 8 if count * size <= 4 else struct.unpack_from(order + "I", data, at + 8)[0]
    return tag, int(struct.unpack_from(order + form, data, where)[0])


def _bmp(data: memoryview) -> Size:
    start, header = struct.unpack_from("<II", data, 10)
    if header == 12:  # as OS/2 wrote them
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packed = False
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        packed = compression in (1, 2, 4, 5)
    if not packed and start + (width * bits + 31) // 32 * 4 * abs(height) > len(data):
        raise ValueError("its end is missing")
    return width, abs(height)


def _several_frames() -> UnsupportedPicture:
    return UnsupportedPicture("a file with several frames or pages", hint="send one picture a file")
