"""Actors that cannot start."""

from __future__ import annotations

from runtime import Actor, Options


class BreaksAtStart(Actor[Options]):
    """Raises what nobody expects."""

    async def start(self) -> None:
        raise RuntimeError("the reason it broke")
