"""The edges API before a real master and real workers."""

from __future__ import annotations

import asyncio
import io
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientSession, FormData

from actors.kit.imaging.cv import cv2
from tests.support.gateway import decoded, edges_site, error_of, read_events
from tests.support.splitting import HoldingWorker, drawn, encoded

COLOUR = drawn(160, 120, 3)
PNG = encoded(COLOUR).tobytes()


async def post(
    client: ClientSession, data: Any = PNG, **query: str
) -> tuple[int, Mapping[str, str], Mapping[str, str], bytes]:
    """Status, headers, error (empty when there is none) and body."""
    async with client.post(
        "/api/edges", data=io.BytesIO(data) if isinstance(data, bytes) else data, params=query
    ) as answer:
        error = {} if answer.ok else await error_of(answer)
        return answer.status, answer.headers, error, await answer.read()


def canny(picture: Any, low: float = 50, high: float = 150) -> Any:
    return cv2.Canny(picture, low, high)


async def test_a_posted_picture_comes_back_as_one_machine_would_compute_it() -> None:
    async with edges_site() as (client, _):
        status, headers, _, body = await post(client, operator="canny:low=40,high=120", mode="always")
    assert status == 200
    assert headers["Content-Type"] == "image/png"
    assert np.array_equal(decoded(body), canny(COLOUR, 40, 120))
    assert int(headers["X-Brume-Workers"]) in (1, 2)
    assert int(headers["X-Brume-Tiles"]) >= 1
    assert headers["X-Brume-Why"]
    assert str(uuid.UUID(headers["X-Brume-Job"])) == headers["X-Brume-Job"]


async def test_without_workers_the_master_works_alone_and_says_so() -> None:
    async with edges_site(workers=0) as (client, _):
        status, headers, _, body = await post(client)
    assert (status, headers["X-Brume-Workers"]) == (200, "0")
    assert np.array_equal(decoded(body), canny(COLOUR))


async def test_a_form_field_is_as_good_as_a_raw_body() -> None:
    form = FormData()
    form.add_field("image", PNG, filename="../../etc/a photo.png", content_type="image/png")
    async with edges_site(workers=0) as (client, farm):
        status, _, _, body = await post(client, form, operator="gray|canny", mode="never")
        latest = await farm.master.latest()
    assert status == 200
    assert np.array_equal(decoded(body), canny(cv2.cvtColor(COLOUR, cv2.COLOR_BGR2GRAY)))
    assert latest is not None
    assert latest.image == "a photo.png"


async def test_a_job_can_be_followed_before_it_begins() -> None:
    job = str(uuid.uuid4())
    async with edges_site() as (client, _), client.get(f"/api/edges/{job}/events") as events:
        assert events.content_type == "text/event-stream"
        assert "X-Brume-Trace" in events.headers
        _, headers, _, _ = await post(client, operator="sobel", mode="always", job=job)
        seen = [(name, event) async for name, event in read_events(events)]
    assert headers["X-Brume-Job"] == job
    assert [seen[0][0], seen[-1][0]] == ["started", "done"]
    tiles = [event for name, event in seen if name == "tile"]
    assert len(tiles) == int(headers["X-Brume-Tiles"])
    assert {event["worker"] for event in tiles} <= {"worker-1", "worker-2"}
    assert sorted(row for event in tiles for row in range(*event["rows"])) == list(range(160))


async def test_a_job_that_fails_says_so_to_who_follows_it() -> None:
    job = str(uuid.uuid4())
    async with edges_site(workers=0) as (client, _), client.get(f"/api/edges/{job}/events") as events:
        assert (await post(client, b"GIF89a no picture", job=job))[0] == 415
        assert [name async for name, _ in read_events(events)] == ["failed"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"operator": "cany"}, 422),
        ({"operator": "canny:lo=3"}, 422),
        ({"operator": "canny:low=many"}, 422),
        ({"operator": "gaussian:ksize=4"}, 422),
        ({"operator": ""}, 422),
        ({"then": "nothing"}, 422),
        ({"operator": "adaptive"}, 422),
        ({"mode": "sometimes"}, 400),
        ({"op": "canny"}, 400),
        ({"job": "7"}, 400),
    ],
)
async def test_what_cannot_be_done_is_said_and_the_site_goes_on(query: dict[str, str], status: int) -> None:
    async with edges_site(workers=0) as (client, _):
        answered, _, error, _ = await post(client, **query)
        assert (answered, bool(error["message"])) == (status, True)
        assert (await post(client))[0] == 200


async def test_an_operator_for_one_channel_hints_at_grey() -> None:
    async with edges_site(workers=0) as (client, _):
        _, _, error, _ = await post(client, operator="adaptive")
    assert "gray|" in error["hint"]


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"", {400}),
        (b"hello, this is text", {415}),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {415}),
        (PNG[: len(PNG) // 2], {400, 415, 422}),
        (PNG[:20], {400, 415, 422}),
        (PNG + bytes(300_000), {413}),
    ],
)
async def test_what_is_no_picture_is_refused_and_the_site_goes_on(data: bytes, statuses: set[int]) -> None:
    async with edges_site(workers=0, upload_limit=300_000) as (client, _):
        assert (await post(client, data))[0] in statuses
        assert (await post(client))[0] == 200


async def test_the_latest_result_is_kept() -> None:
    async with edges_site(workers=0) as (client, _):
        async with client.get("/api/edges/latest") as answer:
            assert (answer.status, (await error_of(answer))["code"]) == (404, "not_found")
        _, headers, _, body = await post(client)
        async with client.get("/api/edges/latest") as answer:
            assert np.array_equal(decoded(await answer.read()), decoded(body))
            assert answer.headers["X-Brume-Job"] == headers["X-Brume-Job"]


async def test_a_client_that_leaves_half_way_leaves_nothing_behind(no_leaks: None) -> None:
    job = str(uuid.uuid4())
    async with edges_site(workers=0) as (client, farm), client.get(f"/api/edges/{job}/events") as events:
        await farm.worker("worker-1", HoldingWorker)
        waiting = asyncio.create_task(post(client, mode="always", job=job))
        following = read_events(events)
        assert (await anext(following))[0] == "started"
        waiting.cancel()
        assert [name async for name, _ in following] == ["failed"]
        assert (await farm.master.status()).jobs == ()
        assert farm.hub.readiness() == {}


async def test_a_job_id_that_is_no_uuid_cannot_be_followed() -> None:
    async with edges_site(workers=0) as (client, _), client.get("/api/edges/7/events") as answer:
        assert (answer.status, (await error_of(answer))["code"]) == (400, "malformed")


async def test_every_operator_is_listed_with_what_a_form_needs() -> None:
    async with edges_site(workers=0) as (client, _), client.get("/api/operators") as answer:
        operators = {each["name"]: each for each in (await answer.json())["operators"]}
    assert {"canny", "sobel", "gaussian", "median", "gray", "invert"} <= set(operators)
    low = next(each for each in operators["canny"]["parameters"] if each["name"] == "low")
    assert low["default"] == 50
