"""Operators one after the other: `gaussian:ksize=5|canny:low=50`. Parsing and checking need no cv2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.operators import Operator, parse_operator
from actors.kit.imaging.operators.edges import Canny
from actors.kit.imaging.problems import UnknownOperator

LONGEST = 16


@dataclass(frozen=True)
class Pipeline:
    """Operators in order; `str()` is its canonical text."""

    operators: tuple[Operator, ...]

    @property
    def halo(self) -> int:
        """Rows beyond a strip that its result depends on: what each operator needs, added up."""
        return sum(operator.halo for operator in self.operators)

    @property
    def whole_reason(self) -> str:
        """Why the pipeline cannot be split; empty when it can."""
        for operator in self.operators:
            if not operator.splittable:
                return f"{operator.name} needs the whole picture"
        if any(isinstance(operator, Canny) for operator in self.operators[:-1]):
            return "canny follows edges across the picture, so nothing can come after it on a strip; put it into `then`"
        return ""

    @property
    def splittable(self) -> bool:
        """Whether strips can be worked apart and merged into the exact result."""
        return not self.whole_reason

    def check(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Raises OperatorMismatch at the first operator that does not take what reaches it."""
        for operator in self.operators:
            operator.check(shape, dtype)
            shape, dtype = operator.output(shape, dtype)

    def output(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of the result."""
        for operator in self.operators:
            shape, dtype = operator.output(shape, dtype)
        return shape, dtype

    def apply(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The result on the whole picture, by plain OpenCV calls; CPU work."""
        for operator in self.operators:
            picture = operator.apply(picture)
        return picture

    def __str__(self) -> str:
        return "|".join(map(str, self.operators))


def parse_pipeline(text: str) -> Pipeline:
    """The pipeline `text` describes; UnknownOperator or BadParameter, with a hint, for what it cannot mean."""
    parts = text.split("|")
    if len(parts) > LONGEST:
        raise UnknownOperator(f"{len(parts)} operators in a row; at most {LONGEST} are taken", hint="split the job up")
    return Pipeline(tuple(parse_operator(part) for part in parts))
