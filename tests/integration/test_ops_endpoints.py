"""The ops endpoints of a real node, alone and with child nodes behind it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from runtime import Auth, Node
from runtime.ops import http
from runtime.process import Children, ChildSpec
from tests.support.leaks import eventually
from tests.support.processes import captured_log

pytestmark = pytest.mark.usefixtures("no_leaks", "no_blocking")

CHILD_NODE = """
import asyncio, sys
from runtime import Node
from runtime.ops.service import NodeOps
from runtime.lifeline import watch_lifeline

async def main():
    watch_lifeline(int(sys.argv[-1]))
    async with Node("worker-1", links={"hub": sys.argv[1]}) as node:
        await node.spawn(NodeOps, name="node")
        return await node.serve()

sys.exit(asyncio.run(main()))
"""


@asynccontextmanager
async def served(node: Node) -> AsyncIterator[aiohttp.ClientSession]:
    async with http.serve(node, "http://127.0.0.1:0") as address, aiohttp.ClientSession(address) as session:
        yield session


async def json_of(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        return await answer.json()


async def test_a_node_that_is_not_ready_says_why_and_still_lives() -> None:
    reason: list[str] = []
    async with Node("edge") as node, served(node) as session:
        node.add_readiness("store", lambda: reason[0] if reason else None)
        async with session.get("/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": {}})
        reason.append("the bucket cannot be reached")
        async with session.get("/readyz") as answer:
            assert answer.status == 503
            assert await answer.json() == {"ready": False, "reasons": {"store": "the bucket cannot be reached"}}
        async with session.get("/livez") as answer:
            assert answer.status == 200


async def test_a_loopback_port_refuses_a_foreign_host_name() -> None:
    async with Node("edge") as node, served(node) as session:
        for path in ("/livez", "/metrics", "/actors"):
            async with session.get(path, headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403
                assert (await answer.json())["error"]["code"] == "foreign_host"


async def test_beyond_loopback_only_the_probes_are_open() -> None:
    token = "t" * 32
    async with Node("edge") as node:
        app = web.Application(middlewares=[http._token_only(Auth(tokens=[token]))])
        app.add_routes(http.routes(node))
        async with TestClient(TestServer(app)) as client:
            right, wrong = ({"Authorization": f"Bearer {text}"} for text in (token, "x" * 32))
            assert [(await client.get(path)).status for path in ("/livez", "/readyz")] == [200, 200]
            for path in ("/metrics", "/actors"):
                assert (await client.get(path)).status == 401
                assert (await client.get(path, headers=wrong)).status == 401
                assert (await client.get(path, headers=right)).status == 200


async def test_a_busy_port_is_a_clear_error() -> None:
    async with Node("edge") as node, http.serve(node, "http://127.0.0.1:0") as address:
        with pytest.raises(OSError, match="address already in use"):
            async with http.serve(node, address):
                pass


async def test_a_parent_shows_its_child_nodes_beside_itself() -> None:
    log, _ = captured_log()
    async with Node("edge", listen=["tcp://127.0.0.1:0"]) as node, served(node) as session:
        spec = ChildSpec("worker-1", [sys.executable, "-c", CHILD_NODE, node.addresses[0]])
        async with Children([spec], log) as children:
            node.children = children.statistics
            async with asyncio.timeout(30):
                await node.wait_linked("worker-1")

            async def both_answer() -> bool:
                return [part["name"] for part in (await json_of(session, "/actors"))["nodes"]] == ["edge", "worker-1"]

            assert await eventually(both_answer)
            own, child = (await json_of(session, "/actors"))["nodes"]
            assert own["children"][0]["state"] == "up"
            assert [actor["name"] for actor in child["actors"]] == ["node"]
            async with session.get("/metrics") as answer:
                assert answer.content_type == "text/plain"
                text = await answer.text()
            assert 'brume_child_up{child="worker-1",node="edge"} 1.0' in text
            assert 'brume_ready{node="worker-1"} 1.0' in text


async def test_a_child_node_that_does_not_answer_is_left_out() -> None:
    log, _ = captured_log()
    mute = ChildSpec("mute", [sys.executable, "-c", "import signal; signal.pause()"])
    async with Node("edge") as node, served(node) as session, Children([mute], log) as children:
        node.children = children.statistics
        assert await eventually(lambda: children.statistics()[0].state == "up")
        assert [part["name"] for part in (await json_of(session, "/actors"))["nodes"]] == ["edge"]
