"""What goes wrong around the statistics service, with real processes: every message is answered alike, logged once."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.stats_service import Service, killed, service, stopped

LONG = os.environ.get("BRUME_LONG") == "1"
KINDS = ["embedded", "servers"]


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    """The service on a SQLite file and a folder, or on ElasticMQ and versitygw."""
    queue, store = f"sqlite:{tmp_path}/queue.db", f"file:{tmp_path}/bucket"
    if request.param == "servers":
        queue = request.getfixturevalue("elasticmq").queue_url()
        store = request.getfixturevalue("versitygw").store_url(bucket=f"stats-{uuid.uuid4().hex}")
    async with service(queue, store, tmp_path) as made:
        yield made


async def test_two_servers_on_one_queue_answer_alike_and_log_once(place: Service) -> None:
    await place.send(400)
    await place.check(servers=2)


async def test_a_server_killed_at_any_moment_loses_nothing(place: Service) -> None:
    for seed in range(50 if LONG else 4):
        await place.send(60, seed)
        async with place.server() as server:
            await server.line("polling")
            await asyncio.sleep(random.Random(seed).uniform(0.0, 0.4))  # the moment, not a wait for anything
            await killed(server)
    await place.check()


async def test_rolling_restarts_strand_nothing(place: Service) -> None:
    for seed in range(50 if LONG else 4):
        await place.send(40, seed)
        async with place.server() as server:
            await server.line("polling")
            await asyncio.sleep(random.Random(seed).uniform(0.0, 0.3))
            await stopped(server)
        assert await place.hidden() == 0
    await place.check()


async def test_servers_take_turns_without_a_pause(place: Service) -> None:
    """Each is stopped while the next already works."""
    async with asyncio.TaskGroup() as stops:
        for seed in range(50 if LONG else 4):
            ready = asyncio.Event()
            stops.create_task(_turn(place, ready))
            await ready.wait()
            await place.send(40, seed)
    await place.check()


async def _turn(place: Service, ready: asyncio.Event) -> None:
    async with place.server() as server:
        await server.line("polling")
        ready.set()
        await stopped(server)
