"""`POST /api/statistics` through a real queue, and what the site tells of the service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from actors.stats import web
from tests.support.gateway import error_of
from tests.support.statistics import statistics_site

pytestmark = pytest.mark.usefixtures("no_leaks")

ROUTE = "/api/statistics"
FIELDS = ["request", "client", "numbers", "count", "mean", "median", "max", "min"]


async def post(client: ClientSession, body: str | bytes) -> tuple[int, Any]:
    """The status, and the reply or the error."""
    async with client.post(ROUTE, data=body, headers={"Content-Type": "application/json"}) as answer:
        return answer.status, await answer.json() if answer.ok else await error_of(answer)


async def test_numbers_come_back_with_their_statistics(tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _):
        status, reply = await post(client, '{"numbers": [1, 2.5, 40]}')
    assert status == 200
    assert list(reply) == FIELDS
    assert (reply["numbers"], reply["mean"], reply["median"]) == ([1.0, 2.5, 40.0], 14.5, 2.5)


async def test_many_at_once_get_each_their_own(tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, stats):
        answers = await asyncio.gather(*(post(client, json.dumps({"numbers": [number]})) for number in range(50)))
        answered = (await stats.status()).answered
    assert [reply["mean"] for _, reply in answers] == list(range(50))
    assert answered == 50


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"numbers": []}', "bad_series"),
        ('{"numbers": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}', "bad_series"),
        ('{"numbers": [-1]}', "bad_series"),
        ('{"numbers": [1, "2"]}', "bad_series"),
        ('{"numbers": [true]}', "bad_series"),
        ('{"numbers": [1e309]}', "bad_series"),
        ('{"numbers": [NaN]}', "bad_series"),
        ('{"numbers": 7}', "bad_series"),
        ("{}", "bad_series"),
        ('{"numbers": [1], "more": 2}', "malformed"),
        ("[1, 2]", "malformed"),
        ("1 2", "malformed"),
        ("", "malformed"),
        ("[" * 60_000, "malformed"),
        (b"\xff\xfe", "malformed"),
    ],
)
async def test_a_bad_series_is_400_and_the_site_goes_on(tmp_path: Path, body: str | bytes, code: str) -> None:
    async with statistics_site(tmp_path) as (client, _):
        status, error = await post(client, body)
        assert (status, error["code"]) == (400, code)
        assert (bool(error["message"]), error["hint"]) == (True, '{"numbers": [1, 2.5]}')
        assert (await post(client, '{"numbers": [1]}'))[0] == 200


async def test_a_body_far_too_large_is_413(tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _):
        assert (await post(client, "9" * (web.BODY_BYTES + 1)))[0] == 413


async def test_without_a_reply_in_time_it_is_504(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "REPLY_SECONDS", 0.5)
    (tmp_path / "bucket").write_text("a file where the store's folder should be: nothing can be logged or answered")
    async with statistics_site(tmp_path) as (client, _):
        status, error = await post(client, '{"numbers": [1]}')
    assert (status, error["code"]) == (504, "deadline_exceeded")


async def test_the_status_tells_how_the_poller_is_doing(tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _):
        await post(client, '{"numbers": [1]}')
        async with client.get("/api/status") as answer:
            told = (await answer.json())["systems"]["statistics"]
    assert (told["requests"], told["replies"], told["answered"], told["trouble"]) == ("lab2", "lab2_1", 1, None)


async def test_the_route_is_described_with_its_body_and_its_reply(tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _), client.get("/openapi.json") as answer:
        described = (await answer.json())["paths"][ROUTE]["post"]
    numbers = described["requestBody"]["content"]["application/json"]["schema"]["properties"]["numbers"]
    assert (numbers["minItems"], numbers["maxItems"], numbers["items"]["type"]) == (1, 10, "number")
    assert list(described["responses"]["200"]["content"]["application/json"]["schema"]["properties"]) == FIELDS
    assert {"400", "413", "504"} <= set(described["responses"])


async def test_the_page_is_in_the_navigation(tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _):
        async with client.get("/") as home:
            assert 'href="/statistics"' in await home.text()
        async with client.get("/statistics") as page:
            assert (page.status, "Statistics" in await page.text()) == (200, True)
