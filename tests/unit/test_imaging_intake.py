"""What is let in as a picture, and with which words the rest is refused."""

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.header import size_of
from actors.kit.imaging.intake import Limits, decode, encode, encode_png
from actors.kit.imaging.problems import DamagedPicture, PictureTooLarge, UnsupportedPicture
from tests.support.campaign import examples
from tests.support.pictures import deep, drawn

GREY, COLOUR = drawn(1, 40, 30), drawn(2, 40, 30, colour=True)
LOSSLESS = [".png", ".bmp", ".tiff"]
SUFFIXES = [*LOSSLESS, ".jpg", ".webp"]


def written(picture: np.ndarray, suffix: str) -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("picture", [GREY, COLOUR])
def test_a_picture_is_decoded_as_stored(suffix: str, picture: np.ndarray) -> None:
    assert np.array_equal(decode(written(picture, suffix)), picture)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_are_kept(suffix: str) -> None:
    assert np.array_equal(decode(written(deep(COLOUR), suffix)), deep(COLOUR))


def test_alpha_is_dropped() -> None:
    assert np.array_equal(decode(written(np.dstack([COLOUR, GREY]), ".png")), COLOUR)


def test_exif_orientation_is_applied() -> None:
    exif = (
        b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    )
    jpeg = written(GREY, ".jpg")
    turned = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]
    assert np.array_equal(decode(turned), cv2.rotate(decode(jpeg), cv2.ROTATE_90_CLOCKWISE))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_files_header_says_its_size(suffix: str) -> None:
    assert size_of(memoryview(written(COLOUR, suffix))) == (30, 40)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello world, this is a text file", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 40],
)
def test_what_is_no_picture_of_a_known_format_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedPicture) as caught:
        decode(data)
    assert "JPEG, PNG, WebP, TIFF or BMP" in caught.value.hint


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_refused(suffix: str, share: float) -> None:
    whole = written(drawn(3, 200, 300, colour=True), suffix)
    with pytest.raises(DamagedPicture):
        decode(whole[: int(len(whole) * share)])


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size, with next to no data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(PictureTooLarge) as caught:
        decode(png_of(30_000, 30_000))
    assert "100 megapixels" in caught.value.message


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(PictureTooLarge):
        decode(written(GREY, ".png"), Limits(bytes=10))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_several_frames_or_pages_are_refused() -> None:
    png = written(GREY, ".png")
    animated_png = png[:33] + chunk(b"acTL", struct.pack(">II", 2, 0)) + png[33:]
    pages = cv2.imencodemulti(".tiff", [GREY, GREY])[1].tobytes()
    animation = b"VP8X" + struct.pack("<IB", 10, 0x02) + bytes(9)
    animated_webp = b"RIFF" + struct.pack("<I", 4 + len(animation)) + b"WEBP" + animation
    for data in (animated_png, pages, animated_webp):
        with pytest.raises(UnsupportedPicture, match="several frames"):
            decode(data)


def test_a_jpeg_cut_after_its_thumbnail_is_refused() -> None:
    jpeg = written(drawn(3, 200, 300), ".jpg")
    thumbnail = written(GREY, ".jpg")
    whole = jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + jpeg[2:]
    assert np.array_equal(decode(whole), decode(jpeg))
    with pytest.raises(DamagedPicture):
        decode(whole[:-200])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_follows_a_picture_in_its_file_does_no_harm(suffix: str) -> None:
    data = written(COLOUR, suffix)
    assert np.array_equal(decode(data + bytes(100)), decode(data))


@pytest.mark.parametrize("transparency", [GREY, None])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_with_transparency_stays_grey(transparency: np.ndarray | None, bits: int) -> None:
    grey = deep(GREY) if bits == 16 else GREY
    if transparency is None:  # one grey is said to be see-through
        png = written(grey, ".png")
        data = png[:33] + chunk(b"tRNS", b"\x00\x07") + png[33:]
    else:
        rows = np.dstack([grey, grey[::-1]]).astype(f">u{bits // 8}")
        lines = b"".join(b"\x00" + row.tobytes() for row in rows)
        head = struct.pack(">IIBBBBB", 30, 40, bits, 4, 0, 0, 0)
        parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
        data = b"\x89PNG\r\n\x1a\n" + parts
    assert np.array_equal(decode(data), grey)


def test_more_than_sixteen_bits_are_refused_before_decoding() -> None:
    with pytest.raises(UnsupportedPicture, match="32 bits"):
        decode(written(GREY.astype(np.float32), ".tiff"))


def test_a_picture_without_its_pixels_is_damaged() -> None:
    with pytest.raises(DamagedPicture):
        decode(png_of(10, 10))


@settings(max_examples=examples(300))
@given(st.sampled_from(SUFFIXES), st.binary(max_size=60), st.integers(0, 4000))
def test_only_a_problem_comes_out_of_broken_files(suffix: str, junk: bytes, at: int) -> None:
    data = written(COLOUR, suffix)
    with suppress(UnsupportedPicture, DamagedPicture, PictureTooLarge):
        decode(data[:at] + junk + data[at + len(junk) :], Limits(pixels=10_000))


def test_png_is_lossless() -> None:
    assert np.array_equal(decode(encode_png(deep(GREY))), deep(GREY))


def test_a_suffix_that_stands_for_no_format_is_refused() -> None:
    with pytest.raises(UnsupportedPicture):
        encode(GREY, ".docx")
