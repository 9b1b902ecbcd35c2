"""Waiting between attempts: longer after each failure, spread by chance, and ended early by an event."""

from __future__ import annotations

import asyncio


def pause_after(failures: int, jitter: float, *, first: float = 0.2, longest: float = 20.0) -> float:
    """Seconds to wait after that many failures in a row: doubling from `first`, at most `longest`.

    `jitter` in [0, 1) spreads the wait over its upper half, so that those who failed together do not return together.
    """
    return float(min(longest, first * 2 ** min(failures - 1, 30))) * (0.5 + 0.5 * jitter)


async def rest(seconds: float, *events: asyncio.Event) -> None:
    """Sleep for `seconds`, or until one of `events` is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
