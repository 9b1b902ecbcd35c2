"""What a contender of the call rows has to offer. Everyone counts the same calls; nobody here measures time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

LOCAL = ("ask local", "tell")
REMOTE = ("ask remote, 1", "64 in flight", "12 MB echo")
FAULTS = ("kill noticed", "freeze noticed")
ROWS = LOCAL + REMOTE + FAULTS


class Contender(Protocol):
    """One way to call an actor. The actor adds one to a number, echoes an array, and can hang for ever.

    `serve` runs in the peer process; everything else runs in the measuring process, on one event loop of the
    contender's choice (`loop`: "asyncio" or "uvloop"). A blocking contender blocks that loop; nobody else is on it.
    """

    rows: ClassVar[tuple[str, ...]]
    loop: ClassVar[str]

    async def open(self) -> None:
        """Prepare the local actor."""

    async def ask_local(self, count: int) -> None:
        """Ask the local actor `count` times, one after the other."""

    async def tell_local(self, count: int) -> None:
        """Tell the local actor `count` times and wait until it has handled all of them."""

    async def connect(self, address: str) -> None:
        """Connect to the peer that announced `address`."""

    async def ask_remote(self, count: int, in_flight: int) -> None:
        """Ask the peer `count` times, with `in_flight` asks outstanding at any moment."""

    async def echo(self, array: NDArray[Any], count: int) -> None:
        """Send the array to the peer and receive it back as an array, `count` times."""

    async def hang(self) -> None:
        """Ask the peer something it never answers; ends, usually by an exception, when the peer's loss is noticed."""

    async def close(self) -> None:
        """Let go of the connection, which may be broken, and of the local actor."""

    def serve(self, announce: Callable[[object], None]) -> None:
        """Be the peer: announce the address once ready to be connected to, then serve for ever."""
