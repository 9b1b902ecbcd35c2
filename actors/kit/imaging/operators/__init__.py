"""The named operators. Adding one is a class in a file of this folder and its name in the list below."""

from __future__ import annotations

from difflib import get_close_matches

import pydantic

from actors.kit.imaging.operators.base import Operator, OperatorInfo, Parameter
from actors.kit.imaging.operators.edges import Canny, Laplacian, Scharr, Sobel
from actors.kit.imaging.operators.filters import Bilateral, Box, Gaussian, Median
from actors.kit.imaging.operators.morphology import Dilate, Erode, MorphGradient
from actors.kit.imaging.operators.points import Adaptive, Gray, Invert, Threshold
from actors.kit.imaging.operators.whole import Equalize, Otsu, Resize
from actors.kit.imaging.problems import BadParameter, UnknownOperator

OPERATORS: dict[str, type[Operator]] = {
    cls.name: cls
    for cls in (
        Canny, Sobel, Scharr, Laplacian, Gaussian, Median, Bilateral, Box, Erode, Dilate, MorphGradient,
        Adaptive, Threshold, Gray, Invert, Equalize, Otsu, Resize,
    )
}  # fmt: skip


def catalogue() -> tuple[OperatorInfo, ...]:
    """Every operator, with its parameters and the expression it equals."""
    return tuple(cls.info() for cls in OPERATORS.values())


def parse_operator(text: str) -> Operator:
    """One operator from `name` or `name:param=value,param=value`. UnknownOperator or BadParameter with a way out."""
    name, _, rest = text.partition(":")
    name = name.strip()
    cls = OPERATORS.get(name)
    if cls is None:
        raise UnknownOperator(f"there is no operator {name!r}", hint=_hint(name, list(OPERATORS)))
    return _validated(cls, _assignments(cls, rest))


def _assignments(cls: type[Operator], text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise BadParameter(f"{cls.name}: {part!r} is not a parameter", hint=f"write {cls.name}:param=value")
        if key not in cls.model_fields:
            raise BadParameter(f"{cls.name} has no parameter {key!r}", hint=_hint(key, list(cls.model_fields)))
        if key in given:
            raise BadParameter(f"{cls.name} is given {key!r} twice", hint="name each parameter once")
        given[key] = value
    return given


def _validated(cls: type[Operator], given: dict[str, str]) -> Operator:
    values = {
        key: int(v) if v.isdecimal() and "Literal" in str(cls.model_fields[key].annotation) else v
        for key, v in given.items()
    }
    try:
        return cls.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        raise BadParameter(
            f"{cls.name}: {key}={given[key]}: {first['msg'].removeprefix('Value error, ')}",
            hint=f"see {cls.name} in docs/operators.md",
        ) from error


def _hint(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"one of: {', '.join(known) or 'none'}"


__all__ = ["OPERATORS", "Operator", "OperatorInfo", "Parameter", "catalogue", "parse_operator"]
