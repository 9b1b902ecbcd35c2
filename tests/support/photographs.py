"""Real photographs from test-only packages; nothing is downloaded."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data
from sklearn.datasets import load_sample_image

_PHOTOGRAPHS: dict[str, Callable[[], Any]] = {
    "astronaut": data.astronaut,
    "coffee": data.coffee,
    "chelsea": data.chelsea,
    "camera": data.camera,
    "coins": data.coins,
    "hubble": data.hubble_deep_field,
    "retina": data.retina,
    "china": lambda: load_sample_image("china.jpg"),
    "flower": lambda: load_sample_image("flower.jpg"),
}
NAMES = tuple(_PHOTOGRAPHS)


def photograph(name: str) -> NDArray[np.uint8]:
    """The photograph, grey or BGR, uint8."""
    picture = np.asarray(_PHOTOGRAPHS[name](), np.uint8)
    return np.ascontiguousarray(picture[..., ::-1] if picture.ndim == 3 else picture)
