"""What a contender of the split rows has to offer: a picture in memory in, the result in memory out."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

ROWS = {
    "gauss + sobel": "gaussian:ksize=5|sobel:ksize=3",
    "bilateral 9": "bilateral:d=9",
    "Canny": "canny:low=50,high=150",
}


class Contender(Protocol):
    """One way to work a grey (height, width) uint8 picture; the operators are the same calls for everyone."""

    async def open(self, pixels: int) -> None:
        """Start helpers and warm up; no picture has more pixels."""

    async def run(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        """The worked picture."""
        ...

    def pids(self) -> list[int]:
        """Helper processes whose CPU time counts."""
        ...

    async def close(self) -> None:
        """Let the helpers go."""
