"""A gateway before a farm of real workers, and clients for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import ClientResponse, ClientSession
from numpy.typing import NDArray

from actors.gateway.actor import Gateway, GatewayOptions
from runtime import Node
from tests.support.splitting import Farm, farm

ANY_PORT = "http://127.0.0.1:0"


@asynccontextmanager
async def gateway(node: Node, **options: Any) -> AsyncIterator[ClientSession]:
    """A gateway on `node` with its client; a mapping `mount` names what it serves."""
    actor = await node.spawn(Gateway, GatewayOptions(**{"listen": ANY_PORT, **options}), name="gateway")
    async with ClientSession(await actor.url()) as client:
        yield client


@asynccontextmanager
async def edges_site(workers: int = 2, **options: Any) -> AsyncIterator[tuple[ClientSession, Farm]]:
    """The whole split with its site on one node, and worker nodes over TCP."""
    async with farm() as split, gateway(split.hub, mount={"split": "master"}, **options) as client:
        for number in range(1, workers + 1):
            await split.worker(f"worker-{number}")
        yield client, split


def address(client: ClientSession) -> str:
    """`http://HOST:PORT` of the client's site."""
    return str(client._base_url)


async def error_of(answer: ClientResponse) -> Mapping[str, str]:
    """The error an answer tells, after checking its shape."""
    shape = await answer.json()
    assert set(shape) == {"error"}
    assert set(shape["error"]) == {"code", "message", "hint"}
    error: Mapping[str, str] = shape["error"]
    return error


async def read_events(answer: ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The server-sent events of an answer, without comments."""
    name = ""
    async for line in answer.content:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def decoded(png: bytes) -> NDArray[Any]:
    """The picture in a PNG, as stored."""
    from actors.kit.imaging.cv import cv2

    assert png.startswith(b"\x89PNG")
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
