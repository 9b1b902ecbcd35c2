"""The same code as the reference on uvloop: what the loop alone is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import uvloop

from bench.calls import plain


class Uvloop(plain.PlainAsyncio):
    """See `plain`."""

    loop: ClassVar[str] = "uvloop"

    def serve(self, announce: Callable[[object], None]) -> None:
        uvloop.run(plain.serve(announce))
