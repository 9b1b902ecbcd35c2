"""The site itself: who may come in, what every answer carries, how it starts and ends."""

from __future__ import annotations

import asyncio
import io
import json
import uuid

import pytest

from actors.gateway.actor import CannotListen, Gateway, GatewayOptions
from runtime import Auth, Node
from tests.support.gateway import address, edges_site, error_of, gateway, read_events
from tests.support.splitting import drawn, encoded

TOKEN = "0123456789abcdef" * 3
ELSEWHERE = "http://0.0.0.0:0"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATHS = (
    "/", "/edges", "/api/status", "/openapi.json", "/static/site/site.css", "/livez", "/nothing", "/api/edges/x/events"
)  # fmt: skip


async def test_every_answer_has_a_trace_and_the_security_headers() -> None:
    async with edges_site(workers=0) as (client, _):
        for path in PATHS:
            async with client.get(path) as answer:
                assert answer.headers["X-Brume-Trace"], path
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
                assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "raw", [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"]
)
async def test_what_is_not_http_gets_an_error_of_the_same_shape(raw: bytes) -> None:
    async with Node("edge") as node, gateway(node) as client:
        _, _, where = address(client).partition("//")
        host, _, port = where.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert b" 400 " in head.splitlines()[0]
    assert b"X-Brume-Trace: " in head
    assert json.loads(body)["error"]["code"] == "malformed"


async def test_pages_hold_no_script_and_no_style_of_their_own() -> None:
    async with edges_site(workers=0) as (client, _):
        for path in ("/", "/edges", "/sign-in"):
            async with client.get(path) as answer:
                html = await answer.text()
            assert answer.status == 200
            assert "<style" not in html
            assert " style=" not in html
            assert html.count("<script") == html.count('<script type="module" src="/static/')


async def test_a_file_the_browser_has_is_not_sent_again() -> None:
    async with edges_site(workers=0) as (client, _):
        async with client.get("/static/split/edges.js") as first:
            assert first.content_type == "text/javascript"
        async with client.get("/static/split/edges.js", headers={"If-None-Match": first.headers["ETag"]}) as again:
            assert (again.status, await again.read()) == (304, b"")


async def test_files_outside_a_page_cannot_be_reached() -> None:
    async with edges_site(workers=0) as (client, _):
        for path in ("/static/split/..%2fweb.py", "/static/split/edges.html", "/static/split/%2e%2e/web.py"):
            async with client.get(path) as answer:
                assert answer.status == 404, path


async def test_another_name_for_this_machine_is_refused() -> None:
    async with edges_site(workers=0) as (client, _):
        for path in ("/", "/api/status", "/livez"):
            async with client.get(path, headers={"Host": "evil.example"}) as answer:
                assert (answer.status, (await error_of(answer))["code"]) == (403, "forbidden")


async def test_a_page_of_another_site_cannot_write() -> None:
    async with edges_site(workers=0) as (client, farm):
        async with client.post("/api/edges", data=b"x", headers={"Origin": "http://evil.example"}) as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (403, "forbidden")
        assert (await farm.master.status()).failed == 0


async def test_the_status_shows_nodes_actors_links_and_workers() -> None:
    async with edges_site(workers=1) as (client, _), client.get("/api/status") as answer:
        status = await answer.json()
    assert {"nodes", "actors", "links", "queues", "stores", "models"} <= set(status)
    assert status["nodes"][0]["name"] == "hub"
    assert {"master", "gateway"} <= {actor["name"] for actor in status["actors"]}
    assert [link["peer"] for link in status["links"]] == ["worker-1"]
    assert [worker["name"] for worker in status["systems"]["split"]["workers"]] == ["worker-1"]


async def test_a_system_that_does_not_answer_is_shown_and_the_rest_too() -> None:
    async with Node("alone") as node, gateway(node, mount={"split": "nobody"}) as client:
        async with client.get("/api/status") as answer:
            assert "error" in (await answer.json())["systems"]["split"]
        async with client.post("/api/edges", data=b"x") as answer:
            assert (answer.status, "Retry-After" in answer.headers) == (503, True)


async def test_the_document_describes_every_route_of_the_api() -> None:
    async with edges_site(workers=0) as (client, _), client.get("/openapi.json") as answer:
        document = await answer.json()
    assert document["openapi"].startswith("3.")
    assert {
        ("/api/edges", "post"), ("/api/edges/latest", "get"), ("/api/edges/{job}/events", "get"),
        ("/api/operators", "get"), ("/api/status", "get"), ("/openapi.json", "get"),
    } <= {(path, method) for path, methods in document["paths"].items() for method in methods}  # fmt: skip
    names = [parameter["name"] for parameter in document["paths"]["/api/edges"]["post"]["parameters"]]
    assert names == ["operator", "then", "mode", "job"]
    assert "#/$defs/" not in json.dumps(document)


async def test_health_and_metrics_are_on_the_site() -> None:
    async with edges_site(workers=0) as (client, _):
        for path in ("/livez", "/readyz", "/metrics", "/actors"):
            async with client.get(path) as answer:
                assert answer.status == 200, path


async def test_elsewhere_the_site_needs_its_token() -> None:
    async with Node("edge", auth=Auth(tokens=[TOKEN])) as node, gateway(node, listen=ELSEWHERE) as client:
        async with client.get("/api/status") as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (401, "unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        async with client.get("/api/status", headers=BEARER) as answer:
            assert answer.status == 200
        async with client.get("/livez") as answer:
            assert answer.status == 200


async def test_elsewhere_a_person_signs_in_once() -> None:
    async with Node("edge", auth=Auth(tokens=[TOKEN])) as node, gateway(node, listen=ELSEWHERE) as client:
        client.cookie_jar._unsafe = True  # type: ignore[attr-defined] # cookies of an address, not a name
        async with client.get("/?a=1", headers={"Accept": "text/html"}) as answer:
            assert answer.url.path_qs == "/sign-in?next=/?a%3D1"
        async with client.post("/sign-in", data={"token": "wrong", "next": "/"}) as answer:
            assert answer.status == 401
            assert "Set-Cookie" not in answer.headers
        form = {"token": TOKEN, "next": "/?a=1"}
        async with client.post("/sign-in", data=form, allow_redirects=False) as answer:
            cookie = answer.headers["Set-Cookie"]
            assert (answer.status, answer.headers["Location"]) == (303, "/?a=1")
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert TOKEN not in cookie
        async with client.get("/api/status") as answer:
            assert answer.status == 200
        async with client.post("/sign-out", allow_redirects=False) as answer:
            assert answer.status == 303
        async with client.get("/api/status") as answer:
            assert answer.status == 401


async def test_elsewhere_without_a_token_the_site_does_not_start() -> None:
    async with Node("edge") as node:
        with pytest.raises(CannotListen, match=r"auth\.token"):
            await node.spawn(Gateway, GatewayOptions(listen=ELSEWHERE))


async def test_a_busy_port_is_named_with_what_to_do() -> None:
    async with Node("first") as node, gateway(node) as client:
        url = address(client)
        async with Node("second") as other:
            with pytest.raises(
                CannotListen, match=rf"port {url.rpartition(':')[2]} .*--set actors\.gateway\.options\.listen"
            ):
                await other.spawn(Gateway, GatewayOptions(listen=url))


@pytest.mark.parametrize("listen", ["https://127.0.0.1:1", "127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:1/x"])
def test_a_listen_address_that_makes_no_sense_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        GatewayOptions(listen=listen)


async def test_a_running_request_finishes_while_the_node_drains() -> None:
    job = str(uuid.uuid4())
    picture = encoded(drawn(700, 900, 3)).tobytes()
    query = {"operator": "bilateral", "mode": "never", "job": job}
    async with edges_site(workers=0) as (client, farm), client.get(f"/api/edges/{job}/events") as events:

        async def ask() -> int:
            async with client.post("/api/edges", data=io.BytesIO(picture), params=query) as answer:
                await answer.read()
                return answer.status

        asked = asyncio.create_task(ask())
        assert (await anext(read_events(events)))[0] == "started"
        await farm.hub.stop()
        assert await asked == 200


async def test_an_idle_event_stream_does_not_hold_up_the_end(no_leaks: None) -> None:
    async with edges_site(workers=0) as (client, farm), client.get(f"/api/edges/{uuid.uuid4()}/events") as events:
        await farm.hub.stop()
        assert [name async for name, _ in read_events(events)] == []
