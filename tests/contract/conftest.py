"""Every kind of link, on either loop: what holds for one holds for all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from runtime import Auth, Node
from tests.contract.queues import node, other, place
from tests.contract.stores import open_client, store, store_kind
from tests.support.certificates import Authority
from tests.support.leaks import checked_for_leaks

__all__ = ["node", "open_client", "other", "place", "store", "store_kind"]

TOKEN = "0123456789abcdef" * 2


@dataclass(frozen=True)
class Wire:
    """One kind of link: where to listen, and what proves who is who."""

    kind: str
    listen: str
    authority: Authority

    def auth(self, name: str) -> Auth:
        """What the node `name` proves itself with."""
        return Auth(tls=self.authority.issue(name)) if self.kind == "mtls" else Auth(tokens=[TOKEN])

    @asynccontextmanager
    async def hub(self, name: str = "hub", **options: Any) -> AsyncIterator[Node]:
        """A listening node, after which nothing may be left: no task, thread or descriptor."""
        node = Node(name, listen=[self.listen], auth=self.auth(name), **options)
        async with checked_for_leaks(), node:
            yield node

    @asynccontextmanager
    async def edge(self, hub: Node, name: str = "edge", **options: Any) -> AsyncIterator[Node]:
        """A node that has dialled `hub` and calls the link `hub`."""
        options.setdefault("auth", self.auth(name))
        async with Node(name, links={"hub": hub.addresses[0]}, **options) as node:
            yield node


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops the runtime runs on."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Queue servers are tried on uvloop alone: only the SQLite file has a waiting of its own that meets the loop."""
    items[:] = [item for item in items if not re.search(r"test_queues_.*\[asyncio-(?!sqlite)", item.nodeid)]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom both ends of a TLS link trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["memory", "tcp", "unix", "mtls"])
def wire(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Wire:
    """The kind of link under test."""
    listen = {"memory": "memory:hub", "unix": f"unix:{tmp_path}/hub.sock"}.get(request.param, "tcp://127.0.0.1:0")
    return Wire(request.param, listen, authority)
