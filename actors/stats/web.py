"""The statistics on the site: a series in, its statistics out through the queue, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pydantic
from aiohttp import web

from actors.kit.web.errors import Malformed
from actors.kit.web.site import Json, Operation, Page, Site
from actors.kit.web.upload import UploadRoom, receive
from actors.stats.actor import Stats
from actors.stats.errors import BadSeries
from actors.stats.messages import Reply
from actors.stats.series import MOST, check_series
from runtime.deadline import deadline
from runtime.node import Node

REPLY_SECONDS = 30.0
BODY_BYTES = 64 << 10
BODIES_BYTES = 4 << 20  # of all requests at a time
EXAMPLE = '{"numbers": [1, 2.5]}'  # of a body this route takes
FOLDER = Path(__file__).parent / "page"

Number = Annotated[float, pydantic.Field(strict=True, json_schema_extra={"minimum": 0})]  # checked with better words


class Numbers(pydantic.BaseModel):
    """A series of finite numbers."""

    model_config = pydantic.ConfigDict(extra="forbid", json_schema_extra={"example": {"numbers": [1, 2.5, 40]}})

    numbers: list[Number] = pydantic.Field(json_schema_extra={"minItems": 1, "maxItems": MOST})


def mount(site: Site, address: str, node: Node) -> None:
    """Put the statistics of the service at `address` on the site."""
    statistics = _Statistics(node.ref(Stats, address))
    body = {"application/json": {"schema": Numbers.model_json_schema()}}
    summary = "Statistics of 1 to 10 numbers, through the queue"
    described = Operation(summary, schema=_schema(), body=body, errors=(413,))
    site.api("POST", "/api/statistics", statistics.answer, described)
    site.report("statistics", statistics.status)
    site.files("statistics", FOLDER)
    site.page(_page())


class _Statistics:
    """The handlers; they share the service."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats
        self._room = UploadRoom(BODY_BYTES, BODIES_BYTES)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """`POST /api/statistics`."""
        with self._room.reserve(request) as buffer:
            body = (await receive(request, buffer, hint=EXAMPLE)).data.tobytes()
        with deadline(REPLY_SECONDS):
            reply = await self._stats.ask(series(body))
        return web.json_response(msgspec.to_builtins(reply))

    async def status(self) -> object:
        """For `/api/status`."""
        return await self._stats.status()


def series(body: bytes) -> tuple[float, ...]:
    """The series in a request's body. Raises Malformed where the body is no object with numbers, else BadSeries."""
    try:
        return check_series(Numbers.model_validate_json(body).numbers)
    except BadSeries as error:
        raise BadSeries(error.message, hint=EXAMPLE) from None
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else part for part in first["loc"])
        kind = BadSeries if place.startswith("numbers") else Malformed
        raise kind(f"{place}: {first['msg']}" if place else first["msg"], hint=EXAMPLE) from None


def _page() -> Page:
    return Page(
        path="/statistics",
        title="Statistics",
        summary="Mean, median, maximum and minimum of a few numbers, through the queue.",
        body=(FOLDER / "statistics.html").read_text(),
        scripts=("/static/statistics/statistics.js",),
        styles=("/static/statistics/statistics.css",),
    )


def _schema() -> Json:
    _, parts = msgspec.json.schema_components([Reply])
    schema: Json = parts[Reply.__name__]
    return schema
