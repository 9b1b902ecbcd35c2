"""A server for the web rooms alone, on a free port of loopback, without a node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web

from actors.kit.web.errors import answer_errors, trace_responses
from actors.kit.web.site import Site
from actors.kit.web.upload import UploadRoom


@asynccontextmanager
async def serve(
    mount: Callable[[Site], None], *, limit: int = 1000, total: int = 3000, streams: int = 2
) -> AsyncIterator[tuple[ClientSession, Site]]:
    """A client of a site that holds what `mount` puts there."""
    app = web.Application(middlewares=[answer_errors])
    app.on_response_prepare.append(trace_responses)
    site = Site(app, uploads=UploadRoom(limit, total), streams=streams)
    mount(site)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with ClientSession(f"http://{host}:{port}") as client:
            yield client, site
    finally:
        site.stopping.set()
        await runner.cleanup()
