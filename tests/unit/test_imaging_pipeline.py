"""Operators by name: what is taken, what is refused and with which way out; `docs/operators.md` says the same."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.operators import OPERATORS, OperatorInfo, Parameter, catalogue
from actors.kit.imaging.operators.whole import fitted
from actors.kit.imaging.pipeline import parse_pipeline
from actors.kit.imaging.problems import BadParameter, OperatorMismatch, UnknownOperator
from tests.support.pictures import deep, drawn

DOC = Path(__file__).parents[2] / "docs" / "operators.md"
ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<splits>yes|no) \| (?P<channels>[^|]+) \| (?P<bits>[^|]+) \| (?P<parameters>[^|]+) "
    r"\| `(?P<expression>.+)` \|$",
    re.MULTILINE,
)


def documented() -> dict[str, dict[str, str]]:
    return {row["name"]: row.groupdict() for row in ROW.finditer(DOC.read_text())}


def as_documented(info: OperatorInfo) -> dict[str, str]:
    return {
        "name": info.name,
        "splits": "yes" if info.splittable else "no",
        "channels": "1" if info.one_channel else "1 or 3",
        "bits": ", ".join(dtype.removeprefix("uint") for dtype in info.dtypes),
        "parameters": "; ".join(map(_as_documented, info.parameters)) or "–",
        "expression": info.expression.replace("|", r"\|"),
    }


def _as_documented(parameter: Parameter) -> str:
    default = str(parameter.default).lower()
    if parameter.type == "bool":
        return f"`{parameter.name}={default}` {parameter.description}"
    if parameter.choices:
        values = " / ".join(parameter.choices)
    else:
        low = f"{parameter.minimum:g}" if parameter.minimum is not None else ">0"
        values = f"{low} to {parameter.maximum:.0f}" + (", odd" if parameter.step == 2 else "")
    return f"`{parameter.name}={default}` {parameter.description} ({values})"


def test_the_table_of_operators_says_what_the_code_says() -> None:
    assert documented() == {info.name: as_documented(info) for info in catalogue()}


@pytest.mark.parametrize("name", sorted(OPERATORS))
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_operator_equals_its_documented_expression(name: str, colour: bool, bits: int) -> None:
    im: Any = drawn(3, 97, 61, colour=colour)
    im = deep(im) if bits == 16 else im
    pipeline = parse_pipeline(name)
    try:
        pipeline.check(im.shape, im.dtype)
    except OperatorMismatch:
        return
    scope = {"cv2": cv2, "np": np, "im": im, "fitted": lambda im, longest: fitted(im.shape, longest)}
    scope |= OPERATORS[name]().model_dump()
    expected = eval(documented()[name]["expression"].replace(r"\|", "|"), scope)
    result = pipeline.apply(im)
    assert np.array_equal(result, expected)
    assert (result.shape, result.dtype) == pipeline.output(im.shape, im.dtype)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("cany", "no operator 'cany'", "did you mean 'canny'?"),
        ("", "no operator ''", "one of: canny"),
        ("sobel|", "no operator ''", "one of: canny"),
        ("canny:lo=3", "no parameter 'lo'", "did you mean 'low'?"),
        ("gray:x=1", "no parameter 'x'", "one of: none"),
        ("canny:low", "'low' is not a parameter", "canny:param=value"),
        ("canny:low=1,low=2", "given 'low' twice", "once"),
        ("canny:aperture=4", "aperture=4: Input should be 3, 5 or 7", "docs/operators.md"),
        ("canny:low=nan", "low=nan", "docs/operators.md"),
        ("gaussian:ksize=4", "must be odd: 3 or 5", "docs/operators.md"),
        ("gaussian:ksize=33", "ksize=33: Input should be less than or equal to 31", "docs/operators.md"),
        ("sobel:ksize=9", "ksize=9: Input should be less than or equal to 7", "docs/operators.md"),
        ("|".join(["invert"] * 17), "17 operators in a row", "split the job up"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_way_out(text: str, message: str, hint: str) -> None:
    with pytest.raises((UnknownOperator, BadParameter)) as caught:
        parse_pipeline(text)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("canny", "canny"),
        (" canny : low = 10 ", "canny:low=10"),
        ("canny:low=1e1,high=0.1", "canny:low=10,high=0.1"),
        ("gaussian:ksize=5|canny:aperture=5,l2=true", "gaussian|canny:aperture=5,l2=true"),
    ],
)
def test_a_pipelines_text_is_canonical(text: str, canonical: str) -> None:
    assert str(parse_pipeline(text)) == canonical
    assert str(parse_pipeline(canonical)) == canonical


def test_halos_add_up() -> None:
    assert parse_pipeline("gaussian:ksize=7|sobel|canny:aperture=5").halo == 3 + 1 + 3


@pytest.mark.parametrize("text", ["equalize", "gray|otsu", "resize|sobel", "canny|dilate"])
def test_what_needs_the_whole_picture_says_why(text: str) -> None:
    assert "picture" in parse_pipeline(text).whole_reason


def test_one_channel_operators_refuse_colour_with_the_hint_to_gray_first() -> None:
    with pytest.raises(OperatorMismatch) as caught:
        parse_pipeline("adaptive").check((5, 5, 3), np.dtype(np.uint8))
    assert caught.value.hint == "gray|adaptive"
    parse_pipeline("gray|adaptive").check((5, 5, 3), np.dtype(np.uint8))


def test_the_catalogue_is_known_without_cv2() -> None:
    code = "import sys; from actors.kit.imaging.operators import catalogue; catalogue(); sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=DOC.parents[1], check=False).returncode == 0


def test_ipp_is_off_in_every_thread() -> None:
    with ThreadPoolExecutor(1) as other:
        assert other.submit(cv2.ipp.useIPP).result() is False
    assert cv2.ipp.useIPP() is False


def test_cv2_is_only_imported_where_its_switches_are_set() -> None:
    importing = re.compile(r"^\s*(import cv2|from cv2)\b", re.MULTILINE)
    files = [path for folder in ("actors", "runtime", "config") for path in (DOC.parents[1] / folder).rglob("*.py")]
    assert [path.name for path in files if importing.search(path.read_text())] == ["cv.py"]
