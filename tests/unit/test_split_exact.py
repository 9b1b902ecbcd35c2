"""The split's one promise in numbers: 0 pixels differ from the whole picture, for every operator, cut anywhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from actors.kit.imaging.operators import OPERATORS
from actors.kit.imaging.pipeline import Pipeline, parse_pipeline
from actors.split import canny
from actors.split.exact import Merge, TileResult, work
from actors.split.plan import strips
from tests.support.campaign import examples
from tests.support.pictures import KINDS, deep, drawn, spirals
from tests.support.splitting_whole import differing

SPLITTABLE = sorted(name for name, cls in OPERATORS.items() if cls.splittable)
SIDES = st.sampled_from([1, 2, 3, 4, 5, 7, 9, 16, 17, 33, 64, 97, 130])
SEEDS = st.integers(0, 2**32 - 1)
GAIN = {3: 1, 5: 8, 7: 8}  # of the larger Sobel kernels, roughly


def canny_text(low: float, high: float, aperture: int, l2: str) -> str:
    """Thresholds are for aperture 3, and low may well be above high: OpenCV swaps them."""
    return f"canny:low={low * GAIN[aperture]},high={high * GAIN[aperture]},aperture={aperture},l2={l2}"


PARAMETERS = {
    "canny": st.builds(
        canny_text,
        st.sampled_from([0, 5, 10, 30.5, 50, 100, 200, 400]),
        st.sampled_from([10, 50, 100, 150.5, 300, 800]),
        st.sampled_from([3, 5, 7]),
        st.sampled_from(["true", "false"]),
    ),
    "sobel": st.builds("sobel:ksize={}".format, st.sampled_from([1, 3, 5, 7])),
    "laplacian": st.builds("laplacian:ksize={}".format, st.sampled_from([1, 3, 5, 7])),
    "gaussian": st.builds(
        "gaussian:ksize={},sigma={}".format, st.sampled_from([1, 3, 5, 9, 31]), st.sampled_from([0, 0.7, 3])
    ),
    "median": st.builds("median:ksize={}".format, st.sampled_from([1, 3, 5, 7, 13])),
    "box": st.builds("box:ksize={}".format, st.sampled_from([1, 3, 5, 11])),
    "bilateral": st.builds("bilateral:d={},color={}".format, st.sampled_from([1, 2, 5, 9]), st.sampled_from([10, 75])),
    "adaptive": st.builds(
        "adaptive:block={},method={}".format, st.sampled_from([3, 11, 31]), st.sampled_from(["mean", "gaussian"])
    ),
    **{
        name: st.builds((name + ":ksize={}").format, st.sampled_from([1, 2, 3, 5, 9]).filter(lambda k: k % 2))
        for name in ("erode", "dilate", "morphgradient")
    },
    "threshold": st.builds("threshold:value={}".format, st.sampled_from([0, 127, 128, 255])),
}
ONE = st.sampled_from(SPLITTABLE).flatmap(lambda name: PARAMETERS.get(name, st.just(name)))
BEFORE = st.sampled_from(["gaussian", "median:ksize=3", "sobel", "gray", "invert", "bilateral:d=5", "erode", "scharr"])
PIPELINES = st.builds(lambda before, last: "|".join([*before, last]), st.lists(BEFORE, max_size=3), ONE)


def fits(pipeline: Pipeline, picture: NDArray[Any]) -> NDArray[Any]:
    """The picture, grey where the pipeline takes one channel only."""
    grey_only = any(operator.one_channel for operator in pipeline.operators)
    return np.ascontiguousarray(picture[..., 0]) if grey_only and picture.ndim == 3 else picture


@settings(max_examples=examples(400))
@given(PIPELINES, SIDES, SIDES, st.booleans(), st.sampled_from(KINDS), st.integers(1, 8), SEEDS)
def test_no_pixel_differs_whatever_the_pipeline_size_colour_and_cut(
    text: str, height: int, width: int, colour: bool, kind: str, tiles: int, seed: int
) -> None:
    pipeline = parse_pipeline(text)
    picture = fits(pipeline, drawn(seed, height, width, colour=colour, kind=kind))
    assert differing(pipeline, picture, tiles, seed) == 0


@settings(max_examples=examples(400))
@given(PARAMETERS["canny"], SIDES, SIDES, st.booleans(), st.sampled_from(KINDS), st.integers(2, 8), SEEDS)
def test_canny_is_exact_across_seams(
    text: str, height: int, width: int, colour: bool, kind: str, tiles: int, seed: int
) -> None:
    assert differing(parse_pipeline(text), drawn(seed, height, width, colour=colour, kind=kind), tiles, seed) == 0


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 6), st.integers(1, 20), st.integers(1, 300), st.integers(1, 120), st.integers(2, 5),
    st.sampled_from(["canny:low=5,high=400", "canny:low=20,high=150,l2=true", "canny:low=40,high=2000,aperture=5"]),
    st.sampled_from([*KINDS, "spirals"]), SEEDS,
)  # fmt: skip
def test_canny_is_exact_when_components_leave_the_band(
    monkeypatch: pytest.MonkeyPatch,
    band: int, reach: int, height: int, width: int, tiles: int, text: str, kind: str, seed: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(canny, "BAND", band)
    monkeypatch.setattr(canny, "REACH", reach)
    picture = spirals(seed, height, width) if kind == "spirals" else drawn(seed, height, width, kind=kind)
    assert differing(parse_pipeline(text), picture, tiles) == 0


@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("aperture", [3, 5, 7])
def test_canny_is_exact_in_strips_of_few_rows(height: int, aperture: int) -> None:
    for seed in range(12):
        picture = drawn(seed, 24, 40, colour=seed % 2 == 1, kind=KINDS[seed % len(KINDS)])
        pipeline = parse_pipeline(canny_text(20, 120, aperture, "false"))
        assert differing(pipeline, picture, 24 // height, seed) == 0


def test_following_components_costs_little_more_than_the_strip_whatever_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # weak slanted lines from seam to seam with nothing strong: each leaves all but a large window of its own
    y, x = np.mgrid[0:900, 0:2400]
    picture = np.where((x + y) % 8 < 2, 20, 0).astype(np.uint8)
    looked_at = 0
    window = canny._Strip.window

    def counted(self: Any, *box: int) -> Any:
        nonlocal looked_at
        found = window(self, *box)
        looked_at += found.labels.size
        return found

    monkeypatch.setattr(canny._Strip, "window", counted)
    assert differing(parse_pipeline("canny:low=10,high=2000"), picture, 3) == 0
    assert looked_at < 3 * picture.size


@settings(max_examples=examples(100))
@given(
    st.sampled_from(["gaussian:ksize=7", "median", "box", "erode", "dilate", "morphgradient", "threshold:value=40000",
                     "gray", "invert", "gaussian|invert|dilate:ksize=5"]),
    SIDES, SIDES, st.booleans(), st.integers(1, 8), SEEDS,
)  # fmt: skip
def test_sixteen_bits_are_exact_where_the_operator_takes_them(
    text: str, height: int, width: int, colour: bool, tiles: int, seed: int
) -> None:
    picture = deep(drawn(seed, height, width, colour=colour, kind="noise"))
    assert differing(parse_pipeline(text), picture, tiles) == 0


def test_a_long_weak_edge_is_kept_by_one_strong_pixel_far_away() -> None:
    picture = np.full((400, 40), 100, np.uint8)
    picture[:, 20:] = 118
    picture[395:, 20:] = 250
    pipeline = parse_pipeline("canny:low=50,high=150")
    assert np.count_nonzero(pipeline.apply(picture)[:10]) > 0
    assert differing(pipeline, picture, 8) == 0


@given(st.integers(1, 300), st.integers(1, 20), st.integers(0, 9))
def test_strips_cover_every_row_once_and_carry_their_halo(height: int, tiles: int, halo: int) -> None:
    cut = strips(height, tiles, halo)
    assert [row for strip in cut for row in range(strip.y0, strip.y1)] == list(range(height))
    for strip in cut:
        assert (strip.src0, strip.src1) == (max(0, strip.y0 - halo), min(height, strip.y1 + halo))


def tile(**changes: Any) -> tuple[Merge, TileResult]:
    """The first of two canny strips, its seams changed."""
    pipeline = parse_pipeline("canny")
    picture = drawn(1, 40, 30)
    cut = strips(40, 2, pipeline.halo)
    merge = Merge(pipeline, np.zeros((40, 30), np.uint8), cut)
    result = work(pipeline, picture[: cut[0].src1], cut[0])
    assert result.seams is not None
    parts = {name: getattr(result.seams, name) for name in ("top", "bottom", "pixels", "sizes")}
    return merge, TileResult(result.pixels, canny.Seams(**{**parts, **changes}))


@pytest.mark.parametrize(
    "changes",
    [
        {"bottom": np.zeros(7, np.int32)},
        {"top": np.zeros(30, np.int32)},
        {"bottom": np.full(30, -1, np.int32)},
        {"bottom": np.full(30, 10**6, np.int32)},
        {"pixels": np.array([5], np.int32), "sizes": np.zeros(0, np.int32)},
        {"pixels": np.array([10**6], np.int32), "sizes": np.array([1], np.int32)},
        {"pixels": np.array([-1], np.int32), "sizes": np.array([1], np.int32)},
        {"pixels": np.array([5], np.int32), "sizes": np.array([2], np.int32)},
        {"pixels": np.array([5], np.int32), "sizes": np.array([2, -1], np.int32)},
        {"pixels": np.zeros(0, np.int32), "sizes": np.full(3, 2**31 - 1, np.int32)},
    ],
)
def test_seams_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    merge, result = tile(**changes)
    with pytest.raises(ValueError, match=r"seam|pending"):
        merge.commit(0, result)


def test_seams_are_refused_where_the_operator_has_none() -> None:
    merge = Merge(parse_pipeline("sobel"), np.zeros((4, 4), np.uint8), strips(4, 2, 1))
    nothing = np.zeros(0, np.int32)
    with pytest.raises(ValueError, match="seams where there are none"):
        merge.commit(0, TileResult(np.zeros((2, 4), np.uint8), canny.Seams(nothing, nothing, nothing, nothing)))
