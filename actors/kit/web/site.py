"""What a system mounts on the site: API routes with their description, pages with their files, and its status.

The gateway owns the one `Site`; an actor package fills it in `web.py`: `mount(site, address, node)`. Nothing here
knows which systems there are, nor who may come in.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from actors.kit.web.errors import Handler, NotFound, SiteBusy
from actors.kit.web.sse import Closable, Event, send_events
from actors.kit.web.upload import UploadRoom, expect_later

Json = dict[str, Any]
Method = Literal["GET", "POST", "DELETE"]

STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a route; `schema` is JSON schema."""

    name: str
    description: str
    schema: Json = field(default_factory=lambda: {"type": "string"})
    where: Literal["query", "path", "header"] = "query"
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """A route as `/openapi.json` tells it. `errors` are the statuses it may answer with, besides 401 and 403."""

    summary: str
    answer: str = "application/json"
    schema: Json = field(default_factory=lambda: {"type": "object"})
    parameters: tuple[Parameter, ...] = ()
    body: Json | None = None
    headers: tuple[tuple[str, str], ...] = ()
    errors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Route:
    """A described route: what the OpenAPI document is made of."""

    method: Method
    path: str
    operation: Operation


@dataclass(frozen=True)
class Page:
    """A page of the site: `body` is the HTML inside `<main>`; scripts and styles are paths on this site."""

    path: str
    title: str
    summary: str
    body: str
    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


@dataclass(frozen=True)
class StaticFile:
    """A file of a page, held in memory."""

    content: bytes
    type: str
    etag: str


class Site:
    """Routes, pages and status of everything mounted, and the bounds they share."""

    def __init__(self, app: web.Application, *, uploads: UploadRoom, streams: int) -> None:
        self.routes: list[Route] = []
        self.pages: list[Page] = []
        self.reports: dict[str, Callable[[], Awaitable[Any]]] = {}
        self.uploads = uploads
        self.stopping = asyncio.Event()
        self._app = app
        self._streams_free = streams

    def api(self, method: Method, path: str, handler: Handler, operation: Operation) -> None:
        """Serve a route and describe it; `{name}` in the path is a path parameter."""
        expect = expect_later if operation.body is not None else None
        self._app.router.add_route(method, path, handler, expect_handler=expect)
        self.routes.append(Route(method, path, operation))

    def page(self, page: Page) -> None:
        """Show a page in the shell, with its entry in the navigation."""
        self.pages.append(page)

    def files(self, name: str, folder: Path) -> None:
        """Serve the scripts, styles and pictures of `folder` as `/static/NAME/…`; read once, here."""
        files = {path.name: _load(path) for path in folder.iterdir() if path.suffix in STATIC_TYPES}

        async def answer(request: web.Request) -> web.StreamResponse:
            found = files.get(request.match_info["file"])
            if found is None:
                raise NotFound(f"{request.path} does not exist")
            return send_static(request, found)

        self._app.router.add_get(f"/static/{name}/{{file}}", answer)

    def report(self, name: str, ask: Callable[[], Awaitable[Any]]) -> None:
        """Include what `ask` gives (a struct or JSON) in `/api/status` as `systems.NAME`."""
        self.reports[name] = ask

    async def events(self, request: web.Request, events: Closable[Event]) -> web.StreamResponse:
        """Answer with server-sent events, as long as there is room for one more stream; else SiteBusy."""
        if self._streams_free <= 0:
            await events.aclose()
            raise SiteBusy("too many event streams are open", hint="close a page that shows progress")
        self._streams_free -= 1
        try:
            return await send_events(request, events, stopping=self.stopping)
        finally:
            self._streams_free += 1


def send_static(request: web.Request, file: StaticFile) -> web.Response:
    """The file, or 304 when the browser has it."""
    headers = {"ETag": f'"{file.etag}"', "Cache-Control": "no-cache"}
    if any(tag.value == file.etag for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    charset = "utf-8" if file.type.startswith("text/") else None
    return web.Response(body=file.content, content_type=file.type, charset=charset, headers=headers)


def static_file(content: bytes, kind: str) -> StaticFile:
    """A file with the tag of its content."""
    return StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:32])


def _load(path: Path) -> StaticFile:
    return static_file(path.read_bytes(), STATIC_TYPES[path.suffix])
