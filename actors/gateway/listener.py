"""The open port: accepts connections for an application, and ends them in order or at once."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from actors.kit.web.errors import TRACE_HEADER, Malformed, add_trace, error_response, failure_of

NO_LIMIT_SECONDS = 86_400.0  # aiohttp takes no infinity
AT_ONCE_SECONDS = 0.01  # aiohttp takes 0 for no limit
QUIET_PATHS = ("/static/", "/livez", "/readyz", "/metrics", "/api/status")


class Listener:
    """Serves `app` on one port. A client's leaving cancels the handler of what it had asked."""

    def __init__(self, app: web.Application) -> None:
        # the end of a drain is the node's to decide: running requests are waited for as long as it takes
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=NO_LIMIT_SECONDS)
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen; gives the port, which port 0 leaves open. Raises OSError when it is busy."""
        await self._runner.setup()
        served = self._runner.server
        assert served is not None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(served, loop), host or None, port, reuse_address=True
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def drain(self) -> None:
        """Take no more connections, let running requests finish."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    async def close(self) -> None:
        """End now; requests still running are cancelled."""
        if self._server is not None:
            self._server.close()
        if self._runner.server is not None:
            await self._runner.server.shutdown(AT_ONCE_SECONDS)
            await self._runner.cleanup()


class Connection(web.RequestHandler):
    """aiohttp's connection, with our shape for what never becomes a request."""

    def __init__(self, served: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(served, loop=loop, access_log_class=RequestLog)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer bytes that are not HTTP with 400, and our own failure outside any route with 500."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer was sent already")
        error = Malformed((message or "this is not HTTP").partition("\n")[0]) if status < 500 else exc
        failure = failure_of(error if isinstance(error, Exception) else RuntimeError(message))
        if failure.unexpected:
            _log.error("request failed", remote=request.remote, exc_info=exc)
        response = error_response(failure)
        response.force_close()
        add_trace(request, response)
        return response


class RequestLog(AbstractAccessLogger):
    """One log line a request, under its trace; what browsers and probes ask all the time only at debug."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Called by aiohttp when a response is complete or its reader has left."""
        level = "debug" if request.path.startswith(QUIET_PATHS) else "info"
        getattr(_log, level)(
            "request answered",
            method=request.method,
            path=request.path,
            status=response.status,
            ms=round(time * 1000, 1),
            trace=response.headers.get(TRACE_HEADER),
        )


_log = structlog.stdlib.get_logger("web")
