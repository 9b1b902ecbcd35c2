"""The kernel sizes operators take: odd, so that a kernel has a middle."""

from typing import Annotated

from pydantic import AfterValidator, Field


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"must be odd: {size - 1} or {size + 1}")
    return size


_ODD = AfterValidator(_odd)
_STEP = {"step": 2}
Kernel = Annotated[int, Field(ge=1, le=31, json_schema_extra=_STEP), _ODD]
DerivativeKernel = Annotated[int, Field(ge=1, le=7, json_schema_extra=_STEP), _ODD]
Block = Annotated[int, Field(ge=3, le=31, json_schema_extra=_STEP), _ODD]
