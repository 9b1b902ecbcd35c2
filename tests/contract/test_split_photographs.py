"""The photographs that ship with scikit-image and scikit-learn, split and compared: 0 pixels differ."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import parse_pipeline
from tests.support.photographs import NAMES, photograph
from tests.support.splitting_whole import differing

PIPELINES = ["canny", "gaussian|canny:low=20,high=60,l2=true", "gaussian|sobel", "bilateral", "gray|adaptive|median"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", PIPELINES)
@pytest.mark.parametrize("tiles", [3, 8])
def test_no_pixel_of_a_photograph_differs(name: str, text: str, tiles: int) -> None:
    picture: NDArray[Any] = photograph(name)
    assert differing(parse_pipeline(text), picture, tiles) == 0
    grey = picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    assert differing(parse_pipeline(text), grey, tiles) == 0
