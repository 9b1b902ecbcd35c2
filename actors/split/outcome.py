"""What became of one picture of the split tool: its line, its object, its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.errors import Problem, worded


@dataclass(frozen=True)
class Outcome:
    """`differing` is None when nothing was compared; `error` is set instead of the counts after a failure."""

    image: str
    out: str
    code: int
    workers: int = 0
    tiles: int = 0
    retries: int = 0
    ms: float = 0.0
    why: str = ""
    pixels: int = 0
    differing: int | None = None
    error: Exception | None = None

    def fields(self) -> dict[str, Any]:
        """The object of --json."""
        if self.error is not None:
            code = self.error.code if isinstance(self.error, Problem) else type(self.error).__name__
            hint = self.error.hint if isinstance(self.error, Problem) else ""
            return {"image": self.image, "error": {"code": code, "message": str(self.error), "hint": hint}}
        return {
            "image": self.image, "out": self.out, "workers": self.workers, "tiles": self.tiles,
            "retries": self.retries, "ms": round(self.ms, 1), "differing": self.differing,
        }  # fmt: skip

    def sentence(self) -> str:
        """The line for people."""
        if self.error is not None:
            return f"{self.image}: {worded(self.error)}"
        resent = f", {self.retries} sent again" if self.retries else ""
        line = f"{self.image} → {self.out} · {self.why} · {self.tiles} tiles{resent} · {self.ms:.0f} ms"
        if self.differing is not None:
            line += f" · {self.differing:,} of {self.pixels:,} pixels differ"
        return line
