"""`/api/status`: this node, the nodes linked to it, and what the mounted systems say of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
from aiohttp import web

from actors.kit.web.site import Operation, Site
from runtime.deadline import deadline
from runtime.errors import BrumeError
from runtime.node import Node
from runtime.ops.service import NodeOps
from runtime.statistics import NodeStatistics

PATIENCE_SECONDS = 2.0


def mount_status(site: Site, node: Node) -> None:
    """Serve `/api/status`; what does not answer within 2 s is left out or shown with its error."""

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(await status(site, node))

    site.api("GET", "/api/status", answer, Operation("Nodes, actors, links and systems as they are now"))


async def status(site: Site, node: Node) -> dict[str, Any]:
    """The whole picture as JSON."""
    own = node.statistics()
    peers = {link.peer for link in own.links if link.state == "up" and link.peer}
    asked = await asyncio.gather(*(_answer(node.ref(NodeOps, f"{peer}/node").actors()) for peer in sorted(peers)))
    nodes = [own, *(answer for answer in asked if isinstance(answer, NodeStatistics))]
    told = await asyncio.gather(*(_answer(ask()) for ask in site.reports.values()))
    return {
        "nodes": [_without_parts(each) for each in nodes],
        "actors": [{"node": each.name, **msgspec.to_builtins(actor)} for each in nodes for actor in each.actors],
        "links": [{"node": each.name, **msgspec.to_builtins(link)} for each in nodes for link in each.links],
        "queues": [],
        "stores": [],
        "models": [],
        "systems": dict(zip(site.reports, map(_json, told), strict=True)),
    }


async def _answer(ask: Awaitable[Any]) -> Any:
    try:
        with deadline(PATIENCE_SECONDS):
            return await ask
    except BrumeError as error:
        return error


def _without_parts(node: NodeStatistics) -> dict[str, Any]:
    whole: dict[str, Any] = msgspec.to_builtins(node)
    return {name: value for name, value in whole.items() if name not in ("actors", "links")}


def _json(answer: object) -> Any:
    return {"error": str(answer)} if isinstance(answer, BrumeError) else msgspec.to_builtins(answer)
