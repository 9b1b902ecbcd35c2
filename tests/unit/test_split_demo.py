"""The demo's picture and its words; the demo itself runs in tests/integration/test_demo.py."""

import numpy as np

from actors.split.demo import Outcome
from actors.split.demo_picture import draw


def outcome(retries: int, differing: int) -> Outcome:
    return Outcome(
        killed="worker-2", retries=retries, differing=differing, pixels=12_000_000, workers=3, tiles=24, split_ms=1.0,
        files=(),
    )  # fmt: skip


def test_the_demo_says_who_was_killed_what_was_sent_again_and_how_many_pixels_differ() -> None:
    assert outcome(4, 0).sentence() == "worker-2 killed · 4 tiles re-sent · 0 of 12,000,000 pixels differ"
    assert outcome(1, 1234).sentence() == "worker-2 killed · 1 tile re-sent · 1,234 of 12,000,000 pixels differ"


def test_a_seed_is_a_picture() -> None:
    first, again, other = draw(3, 320, 240), draw(3, 320, 240), draw(4, 320, 240)
    assert first.shape == (240, 320, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_picture_is_as_busy_as_a_photograph() -> None:
    picture = draw(7, 800, 600)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20_000
    assert np.abs(np.diff(picture[..., 1].astype(int), axis=1)).mean() > 2
