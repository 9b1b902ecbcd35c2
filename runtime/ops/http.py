"""The ops endpoints: /livez, /readyz, /metrics and /actors, as routes for a site or on a port of their own."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from runtime.auth import Auth, is_loopback
from runtime.node import Node
from runtime.ops import metrics
from runtime.ops.service import family

OPEN: Final = ("/livez", "/readyz")  # what a prober without a token may ask


def routes(node: Node) -> list[web.RouteDef]:
    """The four routes over `node`; who may call them is the application's to say."""

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")  # whoever answers this has a loop that runs

    async def readyz(_: web.Request) -> web.Response:
        reasons = node.readiness()
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    async def prometheus(_: web.Request) -> web.Response:
        text = metrics.render(await family(node))
        return web.Response(body=text, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def actors(_: web.Request) -> web.Response:
        body = msgspec.json.encode({"nodes": await family(node)})
        return web.Response(body=body, content_type="application/json")

    return [
        web.get("/livez", livez),
        web.get("/readyz", readyz),
        web.get("/metrics", prometheus),
        web.get("/actors", actors),
    ]


@asynccontextmanager
async def serve(node: Node, address: str) -> AsyncIterator[str]:
    """Serve the routes on `http://HOST:PORT` (port 0: any); yields the address it got.

    On loopback a request must name a loopback host, so that no web page can reach it under another name; elsewhere
    /metrics and /actors need the node's token as a bearer, unless the node says it is insecure. Raises OSError when
    the port is busy.
    """
    where = urlsplit(address)
    host = where.hostname or "127.0.0.1"
    guard = _loopback_only if is_loopback(host) else _token_only(node.auth)
    app = web.Application(middlewares=[guard])
    app.add_routes(routes(node))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, where.port or 0).start()
        port = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_loopback(urlsplit(f"//{request.host}").hostname or ""):
        return _refusal(403, "foreign_host", "this port answers to loopback names only", "ask for 127.0.0.1")
    return await handler(request)


def _token_only(auth: Auth) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        known = [hmac.compare_digest(given, secret) for secret in auth.secrets()]
        if request.path not in OPEN and not any(known) and not auth.insecure:
            return _refusal(401, "unauthorized", "this needs the node's token", "send it as a bearer")
        return await handler(request)

    return guard


def _refusal(status: int, code: str, message: str, hint: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message, "hint": hint}}, status=status)
