"""The split on the site: the edges API, its event stream, and the page.

HTTP to asks and back, nothing else: what a picture is and how it is worked belongs to the master.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import msgspec
from aiohttp import web

from actors.kit.imaging.operators import catalogue
from actors.kit.web.errors import Malformed, NotFound
from actors.kit.web.site import Json, Operation, Page, Parameter, Site
from actors.kit.web.sse import Event
from actors.kit.web.upload import receive
from actors.split.master import SplitMaster
from actors.split.messages import JobEvent, Mode, SplitRequest, SplitResult
from runtime.deadline import deadline
from runtime.node import Node
from runtime.stream import Stream

JOB_SECONDS = 120.0
LAST_EVENTS = ("done", "failed")
NAME_LENGTH = 100
FOLDER = Path(__file__).parent / "page"

PICTURE: Json = {"type": "string", "format": "binary"}
BODY: Json = {
    "image/*": {"schema": PICTURE},
    "application/octet-stream": {"schema": PICTURE},
    "multipart/form-data": {"schema": {"type": "object", "required": ["image"], "properties": {"image": PICTURE}}},
}
RESULT_HEADERS = (
    ("X-Brume-Job", "the job"),
    ("X-Brume-Workers", "workers whose tiles are in the result; 0 means worked locally"),
    ("X-Brume-Tiles", "tiles the picture was cut into"),
    ("X-Brume-Why", "what was chosen, and for which reason"),
)
JOB_SCHEMA: Json = {"type": "string", "format": "uuid"}
QUERY = (
    Parameter("operator", "operator or pipeline, as `canny:low=50,high=150` or `gray|sobel`", {"default": "canny"}),
    Parameter("then", "operator or pipeline for the merged picture"),
    Parameter("mode", "whether to split", {"enum": list(get_args(Mode)), "default": "auto"}),
    Parameter("job", "the job's id, chosen by the client to subscribe before posting", JOB_SCHEMA),
)


def mount(site: Site, address: str, node: Node) -> None:
    """Put the split whose master is at `address` on the site."""
    edges = _Edges(site, node, node.ref(SplitMaster, address))
    job = Parameter("job", "the job's id", JOB_SCHEMA, "path")
    split = Operation(
        "Work one picture on the workers", "image/png", PICTURE, QUERY, BODY, RESULT_HEADERS, (413, 415, 422)
    )
    latest = Operation("The latest result", "image/png", PICTURE, headers=RESULT_HEADERS, errors=(404,))
    events = Operation("Follow a job, also one still to come", "text/event-stream", _schema(JobEvent), (job,))
    site.api("POST", "/api/edges", edges.split, split)
    site.api("GET", "/api/edges/latest", edges.latest, latest)
    site.api("GET", "/api/edges/{job}/events", edges.events, events)
    site.api("GET", "/api/operators", _operators, Operation("Every operator and its parameters"))
    site.report("split", edges.status)
    site.files("split", FOLDER)
    site.page(_page())


class _Edges:
    """The handlers; they share the master."""

    def __init__(self, site: Site, node: Node, master: SplitMaster) -> None:
        self._site = site
        self._node = node
        self._master = master

    async def split(self, request: web.Request) -> web.StreamResponse:
        """`POST /api/edges`. When the client leaves, this is cancelled, and the ask with it."""
        asked = split_request(dict(request.query))
        with self._site.uploads.reserve(request) as buffer:
            upload = await receive(request, buffer)
            named = msgspec.structs.replace(asked, image=picture_name(upload.name) or asked.job)
            with deadline(JOB_SECONDS):
                result = await self._master.split(named, upload.data)
        return await self._png(result)

    async def latest(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/edges/latest`."""
        result = await self._master.latest()
        if result is None:
            raise NotFound("no picture has been worked yet", hint="POST one to /api/edges")
        return await self._png(result)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/edges/{job}/events`."""
        events = await self._master.events(job_identity(request.match_info["job"]))
        return await self._site.events(request, JobEvents(events))

    async def status(self) -> object:
        """For `/api/status`."""
        return await self._master.status()

    async def _png(self, result: SplitResult) -> web.Response:
        from actors.kit.imaging.intake import encode_png

        body = await self._node.offload(encode_png, result.picture)
        facts = (result.job, str(result.workers), str(result.tiles), header_text(result.why))
        headers = {name: fact for (name, _), fact in zip(RESULT_HEADERS, facts, strict=True)}
        return web.Response(body=body, content_type="image/png", headers={**headers, "Cache-Control": "no-store"})


class JobEvents:
    """A job's events as server-sent ones; done and failed are the last."""

    def __init__(self, events: Stream[JobEvent]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for event in self._events:
            yield Event(event.kind, msgspec.json.encode(event).decode(), last=event.kind in LAST_EVENTS)

    async def aclose(self) -> None:
        """Nobody follows any more."""
        await self._events.aclose()


def split_request(query: dict[str, str]) -> SplitRequest:
    """The request a query asks for; raises Malformed for what cannot be meant."""
    known = {parameter.name for parameter in QUERY}
    if unknown := sorted(query.keys() - known):
        raise Malformed(f"no parameter is called {unknown[0]!r}", hint=f"there are {', '.join(sorted(known))}")
    job = job_identity(query["job"]) if "job" in query else str(uuid.uuid4())
    try:
        return msgspec.convert({"operator": "canny", **query, "job": job}, SplitRequest)
    except msgspec.ValidationError as error:
        raise Malformed(str(error), hint=f"mode is one of {', '.join(get_args(Mode))}") from error


def job_identity(text: str) -> str:
    """A job's id in its canonical form; raises Malformed."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Malformed("a job's id is a UUID", hint=str(uuid.uuid4())) from None


def picture_name(name: str) -> str:
    """A client's file name, fit to be a file name here: the last part, letters, digits and `._- ` only."""
    last = re.split(r"[\\/]", unquote(name))[-1]  # some clients quote a name as in a URL
    return re.sub(r"[^\w.\- ]", "_", last).strip(". ")[:NAME_LENGTH]


def header_text(text: str) -> str:
    """`text` as one line of ASCII, which is what a header can hold."""
    return " ".join(text.encode("ascii", "replace").decode().split())


async def _operators(request: web.Request) -> web.Response:
    return web.json_response({"operators": [msgspec.to_builtins(operator) for operator in catalogue()]})


def _page() -> Page:
    return Page(
        path="/edges",
        title="Edges",
        summary="One picture over every worker, exact to the bit.",
        body=(FOLDER / "edges.html").read_text(),
        scripts=("/static/split/edges.js",),
        styles=("/static/split/edges.css",),
    )


def _schema(kind: type[msgspec.Struct]) -> Json:
    _, parts = msgspec.json.schema_components([kind])
    schema: Json = parts[kind.__name__]
    return schema
