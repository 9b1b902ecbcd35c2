"""Nodes of a simulation, each on a host of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime import Node
from tests.support.simloop import SimLoop, on_host
from tests.support.simnet import Network

HUB = "tcp://127.0.0.1:7100"


@asynccontextmanager
async def hub(**options: Any) -> AsyncIterator[Node]:
    """A node named hub, on host `hub`, that others dial at `HUB`."""
    with on_host("hub"):
        node = Node("hub", listen=[HUB], **options)
        await node.__aenter__()
    try:
        yield node
    finally:
        network().loop.thaw(node.name)
        await node.stop()


@asynccontextmanager
async def edge(name: str = "edge", **options: Any) -> AsyncIterator[Node]:
    """A node on a host of the same name that keeps a link named `hub`."""
    with on_host(name):
        node = Node(name, links={"hub": HUB}, **options)
        await node.__aenter__()
    try:
        yield node
    finally:
        network().loop.thaw(node.name)
        await node.stop()


def network() -> Network:
    """The network of the run that is under way."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop.network


def on(host: str, work: Any) -> asyncio.Task[Any]:
    """Run a coroutine as a task of that host: it freezes and dies with it."""
    with on_host(host):
        return asyncio.get_running_loop().create_task(work)


async def forever(manager: Any, setup: Any = None) -> None:
    """Keep a node up until its host is killed; `setup(node)` runs first."""
    async with manager as node:
        if setup is not None:
            await setup(node)
        await asyncio.get_running_loop().create_future()
