"""The statistics service with its site, on one node, over a queue and a store in a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from actors.stats.actor import Stats, StatsOptions
from runtime import Node
from tests.support.gateway import gateway


@asynccontextmanager
async def statistics_site(data: Path, **options: Any) -> AsyncIterator[tuple[ClientSession, Stats]]:
    """A client of the site, and the service behind it."""
    places: dict[str, Any] = {"queue": f"sqlite:{data / 'queue.db'}", "store": f"file:{data / 'bucket'}"}
    async with Node("hub") as node:
        stats = await node.spawn(Stats, StatsOptions(**places, **options), name="stats")
        async with gateway(node, mount={"stats": "stats"}) as client:
            yield client, stats
