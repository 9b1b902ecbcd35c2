"""Uploads, event streams and errors over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, FormData, web
from aiohttp.test_utils import make_mocked_request

from actors.kit.web.site import Operation, Site
from actors.kit.web.sse import Event, send_events
from actors.kit.web.upload import receive
from runtime.stream import Stream, Topic
from tests.support.site import serve

FORM = "multipart/form-data; boundary=x"


def mount_echo(site: Site) -> None:
    async def echo(request: web.Request) -> web.Response:
        with site.uploads.reserve(request) as buffer:
            upload = await receive(request, buffer)
            return web.Response(body=upload.data.tobytes(), headers={"X-Name": upload.name})

    site.api("POST", "/echo", echo, Operation("Echo", body={}))


async def connect(client: ClientSession) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = client._base_url
    assert url is not None
    return await asyncio.open_connection(url.host, url.port)


async def ask(client: ClientSession, **kwargs: Any) -> tuple[int, bytes, Mapping[str, str]]:
    async with client.post("/echo", **kwargs) as answer:
        return answer.status, await answer.read(), answer.headers


@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream", "text/plain", "application/json"])
async def test_a_raw_body_of_any_type_is_the_picture(kind: str) -> None:
    async with serve(mount_echo) as (client, site):
        assert (await ask(client, data=b"p" * 999, headers={"Content-Type": kind}))[:2] == (200, b"p" * 999)
        assert site.uploads.used == 0


async def test_the_picture_may_be_the_form_field_image() -> None:
    form = FormData()
    form.add_field("note", "before it")
    form.add_field("image", b"p" * 500, filename="a.png")
    async with serve(mount_echo) as (client, _):
        status, body, headers = await ask(client, data=form)
    assert (status, body, headers["X-Name"]) == (200, b"p" * 500, "a.png")


async def test_a_body_of_unknown_length_grows_its_buffer_up_to_the_limit() -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"p" * 100

    async with serve(mount_echo, limit=600_000, total=700_000) as (client, site):
        assert len((await ask(client, data=pieces(5000)))[1]) == 500_000
        assert (await ask(client, data=pieces(6001)))[0] == 413
        assert site.uploads.used == 0


async def test_too_large_a_body_is_refused_before_a_byte_of_it_is_read() -> None:
    async with serve(mount_echo) as (client, _):
        reader, writer = await connect(client)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"X-Brume-Trace" in head


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async with serve(mount_echo) as (client, _):
        assert (await ask(client, data=b"p", expect100=True))[:2] == (200, b"p")


@pytest.mark.parametrize(
    ("data", "kind", "word"),
    [
        (b"", "image/png", "empty"),
        (b"not a form", FORM, "multipart"),
        (b"not a form", "multipart/form-data", "multipart"),
        (b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--x--\r\n', FORM, "image"),
        (b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n\r\n--x--\r\n', FORM, "empty"),
    ],
)
async def test_a_body_without_a_picture_is_malformed(data: bytes, kind: str, word: str) -> None:
    async with serve(mount_echo) as (client, site):
        status, body, _ = await ask(client, data=data, headers={"Content-Type": kind})
        assert status == 400
        assert word in json.loads(body)["error"]["message"]
        assert site.uploads.used == 0


async def test_uploads_share_a_bounded_room() -> None:
    async with serve(mount_echo, limit=1000, total=1500) as (client, site):
        with site.uploads.reserve(make_mocked_request("POST", "/echo", headers={"Content-Length": "1000"})):
            status, _, headers = await ask(client, data=b"p" * 1000)
        assert (status, "Retry-After" in headers) == (503, True)
        assert (await ask(client, data=b"p" * 1000))[0] == 200


async def test_a_client_that_leaves_half_way_gives_its_room_back() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    def mount(site: Site) -> None:
        async def echo(request: web.Request) -> web.Response:
            try:
                with site.uploads.reserve(request) as buffer:
                    entered.set()
                    await receive(request, buffer)
                    return web.Response()
            finally:
                left.set()

        site.api("POST", "/echo", echo, Operation("Echo", body={}))

    async with serve(mount) as (client, site):
        _, writer = await connect(client)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nsome")
        await entered.wait()
        writer.close()
        await writer.wait_closed()
        await left.wait()
        assert site.uploads.used == 0


async def test_every_answer_has_a_trace() -> None:
    async def fails(request: web.Request) -> web.Response:
        raise RuntimeError("secret")

    def mount(site: Site) -> None:
        site.api("GET", "/fails", fails, Operation("Fail"))

    async with serve(mount) as (client, _):
        traces = set()
        for path in ("/fails", "/nothing", "/static/nothing"):
            async with client.get(path) as answer:
                traces.add(answer.headers["X-Brume-Trace"])
                assert "secret" not in await answer.text()
        async with client.put("/fails") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET")
            traces.add(answer.headers["X-Brume-Trace"])
    assert len(traces) == 4


def mount_events(topic: Topic[Event]) -> Callable[[Site], None]:
    def mount(site: Site) -> None:
        async def events(request: web.Request) -> web.StreamResponse:
            return await site.events(request, topic.subscribe())

        site.api("GET", "/events", events, Operation("Events", "text/event-stream"))

    return mount


async def test_events_arrive_as_they_happen_until_the_last() -> None:
    topic = Topic[Event]()
    async with serve(mount_events(topic)) as (client, _), client.get("/events") as answer:
        assert answer.content_type == "text/event-stream"
        assert await answer.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        topic.publish(Event("tile", "1"))
        assert await answer.content.readuntil(b"\n\n") == b"event: tile\ndata: 1\n\n"
        topic.publish(Event("done", "2", last=True))
        assert await answer.content.read() == b"event: done\ndata: 2\n\n"
    assert len(topic) == 0


async def test_a_reader_that_leaves_is_forgotten() -> None:
    topic = Topic[Event]()
    closed = asyncio.Event()

    class Watched(Stream[Event]):
        async def aclose(self) -> None:
            await super().aclose()
            closed.set()

    def mount(site: Site) -> None:
        async def events(request: web.Request) -> web.StreamResponse:
            return await site.events(request, Watched())

        site.api("GET", "/events", events, Operation("Events"))

    async with serve(mount) as (client, _):
        async with client.get("/events"):
            pass
        await closed.wait()
    assert len(topic) == 0


async def test_event_streams_are_bounded_and_end_with_the_site() -> None:
    topic = Topic[Event]()
    async with serve(mount_events(topic), streams=1) as (client, site), client.get("/events") as first:
        async with client.get("/events") as second:
            assert second.status == 503
        assert len(topic) == 1
        site.stopping.set()
        await first.content.read()
    assert len(topic) == 0


async def test_silence_is_filled_with_comments() -> None:
    source = Stream[Event]()

    def mount(site: Site) -> None:
        async def events(request: web.Request) -> web.StreamResponse:
            return await send_events(request, source, stopping=site.stopping, keep_alive=0.001)

        site.api("GET", "/events", events, Operation("Events"))

    async with serve(mount) as (client, _), client.get("/events") as answer:
        await answer.content.readuntil(b": keep-alive\n\n: keep-alive\n\n")
        source.put(Event("done", "1", last=True))
        assert (await answer.content.read()).endswith(b"event: done\ndata: 1\n\n")
