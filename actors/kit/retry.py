"""Waiting between attempts: longer after each failure, spread by chance, and ended early by whoever leaves."""

from __future__ import annotations

import asyncio
from contextlib import suppress


def pause_after(failures: int, jitter: float, *, first: float = 0.2, longest: float = 20.0) -> float:
    """Seconds to wait after that many failures in a row: doubling from `first`, at most `longest`.

    `jitter` in [0, 1) spreads the wait over its upper half, so that those who failed together do not return together.
    """
    return float(min(longest, first * 2 ** min(failures - 1, 30))) * (0.5 + 0.5 * jitter)


async def rest(seconds: float, leave: asyncio.Event) -> None:
    """Sleep for `seconds`, or until `leave` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await leave.wait()
