"""What an operator is: its parameters, what it takes, how far it looks, the OpenCV expression it equals."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import numpy as np
import pydantic
from numpy.typing import NDArray

from actors.kit.imaging.problems import OperatorMismatch

Picture = NDArray[Any]
Shape = tuple[int, ...]

BYTE = ("uint8",)
DEEP = ("uint8", "uint16")


class Parameter(msgspec.Struct, frozen=True):
    """One parameter, as a form shows it. `type` is int, float, bool or str."""

    name: str
    type: str
    default: int | float | bool | str | None
    description: str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()


class OperatorInfo(msgspec.Struct, frozen=True):
    """One operator, as the API lists it. `expression` is the OpenCV expression it equals on the whole picture."""

    name: str
    summary: str
    expression: str
    splittable: bool
    one_channel: bool
    dtypes: tuple[str, ...]
    parameters: tuple[Parameter, ...]


class Operator(pydantic.BaseModel):
    """A named operator with its parameters. `apply` is the whole-picture reference; subclasses say the rest."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    summary: ClassVar[str]
    expression: ClassVar[str]
    splittable: ClassVar[bool] = True
    one_channel: ClassVar[bool] = False
    dtypes: ClassVar[tuple[str, ...]] = BYTE
    bulky: ClassVar[bool] = (
        False  # its steps leave more than the picture for the next: faster on parts that fit a cache
    )

    @property
    def halo(self) -> int:
        """Rows beyond a strip that its result depends on."""
        return 0

    def check(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        """Raises OperatorMismatch for a picture of a kind the operator does not take."""
        if self.one_channel and len(shape) > 2:
            raise OperatorMismatch(
                f"{self.name} takes one channel, the picture has {shape[2]}", hint=f"gray|{self.name}"
            )
        if dtype.name not in self.dtypes:
            raise OperatorMismatch(
                f"{self.name} takes {' or '.join(self.dtypes)}, the picture is {dtype}",
                hint="convert it to 8 bits first",
            )

    def output(self, shape: Shape, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
        """Shape and dtype of the result."""
        return shape, dtype

    def apply(self, picture: Picture) -> Picture:
        """The result on the whole picture; CPU work."""
        raise NotImplementedError

    def __str__(self) -> str:
        changed = self.model_dump(exclude_defaults=True)
        words = ",".join(f"{name}={_word(value)}" for name, value in changed.items())
        return f"{self.name}:{words}" if words else self.name

    @classmethod
    def info(cls) -> OperatorInfo:
        """What the catalogue says."""
        fields = cls.model_json_schema()["properties"] if cls.model_fields else {}
        return OperatorInfo(
            cls.name, cls.summary, cls.expression, cls.splittable, cls.one_channel, cls.dtypes,
            tuple(_parameter(name, schema) for name, schema in fields.items()),
        )  # fmt: skip


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


_TYPES = {"integer": "int", "number": "float", "boolean": "bool", "string": "str"}


def _parameter(name: str, schema: dict[str, Any]) -> Parameter:
    choices = schema.get("enum", ())
    kind = _TYPES[schema["type"]]
    return Parameter(
        name, kind, schema.get("default"), schema.get("description", ""),
        schema.get("minimum"), schema.get("maximum"), schema.get("step", 1 if kind == "int" else None),
        tuple(str(choice) for choice in choices),
    )  # fmt: skip
