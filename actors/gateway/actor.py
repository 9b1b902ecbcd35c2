"""The gateway: one site and one API for everything the node file mounts.

It joins the parts and holds the listener; what it serves comes from the mounted packages' `web.py`, who may come in
from `access`, how errors look from `kit.web.errors`.
"""

from __future__ import annotations

import errno
import importlib
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import ByteSize, Field, field_validator

from actors.gateway.access import Policy, refuses_to_start
from actors.gateway.guard import guard, mount_sign_in
from actors.gateway.listener import Listener
from actors.gateway.openapi import document
from actors.gateway.pages import mount_pages
from actors.gateway.status import mount_status
from actors.kit.web.errors import answer_errors, trace_responses
from actors.kit.web.site import SECURITY_HEADERS, Operation, Site
from actors.kit.web.upload import UploadRoom
from runtime.actor import Actor, Options, op
from runtime.auth import is_loopback
from runtime.errors import BrumeError

API_VERSION = "1.0"


class GatewayOptions(Options):
    """`mount` maps a system to the address of its actor; port 0 takes a free one. Sizes are bytes."""

    listen: str = "http://127.0.0.1:8080"
    mount: dict[str, str] = Field(default_factory=dict)
    upload_limit: ByteSize = ByteSize(256 << 20)
    uploads_limit: ByteSize = ByteSize(1 << 30)
    streams_limit: int = Field(default=256, ge=1)

    @field_validator("listen")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "http" or not parts.hostname or parts.port is None or parts.path:
            raise ValueError(f"{value!r} is not http://HOST:PORT")
        return value


class CannotListen(BrumeError):
    """The listener cannot be opened, or must not be."""


class Gateway(Actor[GatewayOptions]):
    """Serves the site on `options.listen`. It is told of a client's leaving, and then cancels what it had asked."""

    _listener: Listener | None = None  # a start that was refused has none to stop

    async def start(self) -> None:
        parts = urlsplit(self.options.listen)
        host, port = parts.hostname or "", parts.port or 0
        policy = self._policy(host)
        app = web.Application(middlewares=[answer_errors, guard(policy)])
        app.on_response_prepare.append(trace_responses)
        app.on_response_prepare.append(_add_security_headers)
        self._site = self._mounted(app, policy)
        self._listener = Listener(app)
        bound = await self._listen(host, port)
        self._url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        self.log.info("site is up", url=self._url)

    @op
    async def url(self) -> str:
        """Where the site is, with the port it really has."""
        return self._url

    async def drain(self) -> None:
        """Close the listener and end the event streams; running requests finish."""
        self._site.stopping.set()
        if self._listener is not None:
            await self._listener.drain()

    async def stop(self) -> None:
        """Close what is left of the site; requests still running are cancelled."""
        if self._listener is not None:
            self._site.stopping.set()
            await self._listener.close()

    def _policy(self, host: str) -> Policy:
        auth = self.node.auth
        policy = Policy(is_loopback(host), tuple(token.decode() for token in auth.secrets()), auth.insecure)
        if refuses_to_start(policy):
            raise CannotListen(
                f"{self.options.listen} can be reached from other machines and has no token: "
                "set auth.token, listen on 127.0.0.1, or say auth.insecure: true"
            )
        return policy

    def _mounted(self, app: web.Application, policy: Policy) -> Site:
        from runtime.ops.http import routes

        uploads = UploadRoom(self.options.upload_limit, self.options.uploads_limit)
        site = Site(app, uploads=uploads, streams=self.options.streams_limit)
        mount_sign_in(app, policy)
        app.add_routes(routes(self.node))
        mount_status(site, self.node)
        for system, address in self.options.mount.items():
            importlib.import_module(f"actors.{system}.web").mount(site, address, self.node)
        mount_pages(site, app)

        async def openapi(request: web.Request) -> web.Response:
            return web.json_response(document(site.routes, API_VERSION))

        site.api("GET", "/openapi.json", openapi, Operation("This document"))
        return site

    async def _listen(self, host: str, port: int) -> int:
        assert self._listener is not None
        try:
            return await self._listener.open(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CannotListen(
                    f"port {port} on {host} is in use: stop the program that has it, or choose another port with "
                    f"--set actors.{self.name}.options.listen=http://{host}:PORT (0 takes a free one)"
                ) from error
            raise CannotListen(f"cannot listen on {self.options.listen}: {error.strerror}") from error


async def _add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
