"""What queue server and store do to the statistics service: every message is answered alike, logged once.

The servers are real; a proxy in front of each makes calls go wrong at the places that matter.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import Program
from tests.support.servers import ElasticMq, VersityGw
from tests.support.stats_service import PATIENCE, Service, killed, service, stopped
from tests.support.toxic import Toxic, ToxicProxy, cut, delay, partly, refuse, reset, toxic_proxy

LONG = os.environ.get("BRUME_LONG") == "1"
OUTAGE = 30.0 if LONG else 0.5  # seconds a server is away
GAPS = [  # (server, operation, done): the call a killed server had under way, not yet or already done
    ("queue", "ReceiveMessage", False),
    ("queue", "ReceiveMessage", True),
    ("queue", "SendMessageBatch", False),
    ("queue", "SendMessageBatch", True),
    ("store", "PUT", False),
    ("store", "PUT", True),
    ("queue", "DeleteMessageBatch", False),
    ("queue", "DeleteMessageBatch", True),
]


@dataclass
class Proxied:
    """The service, with a proxy before its queue, unless that is a file, and one before its store."""

    service: Service
    queue: ToxicProxy | None
    store: ToxicProxy

    @asynccontextmanager
    async def server(self) -> AsyncIterator[Program]:
        """A server behind the proxies."""
        queue_url = through(self.service.queue_url, self.queue) if self.queue else ""
        async with self.service.server(
            queue_url=queue_url, store_url=through(self.service.store_url, self.store)
        ) as it:
            yield it

    def gaps(self) -> list[tuple[str, str, bool]]:
        """Where a server can be killed."""
        return GAPS if self.queue else [gap for gap in GAPS if gap[0] == "store"]

    def proxy(self, name: str) -> ToxicProxy:
        """The proxy before `queue` or `store`."""
        proxy = self.queue if name == "queue" else self.store
        assert proxy is not None
        return proxy


@asynccontextmanager
async def proxied(
    queue: str | ElasticMq, store: VersityGw, folder: Path, visibility: float = 3.0
) -> AsyncIterator[Proxied]:
    """Proxies, and a service without a server yet."""
    async with AsyncExitStack() as stack:
        queue_proxy = None if isinstance(queue, str) else await stack.enter_async_context(toxic_proxy(queue.endpoint))
        store_proxy = await stack.enter_async_context(toxic_proxy(store.endpoint))
        queue_url = queue if isinstance(queue, str) else queue.queue_url()
        store_url = store.store_url(bucket=f"stats-{uuid.uuid4().hex}")
        made = await stack.enter_async_context(service(queue_url, store_url, folder, visibility))
        yield Proxied(made, queue_proxy, store_proxy)


def through(url: str, proxy: ToxicProxy) -> str:
    """The URL with the proxy in the place of its server."""
    return url.replace(proxy.upstream, proxy.endpoint)


@pytest.fixture
async def cloud(elasticmq: ElasticMq, versitygw: VersityGw, tmp_path: Path) -> AsyncIterator[Proxied]:
    """On ElasticMQ and versitygw, both behind proxies."""
    async with proxied(elasticmq, versitygw, tmp_path) as made:
        yield made


@pytest.fixture(params=["sqlite", "elasticmq"])
async def either(request: pytest.FixtureRequest, versitygw: VersityGw, tmp_path: Path) -> AsyncIterator[Proxied]:
    """On either queue, the store behind a proxy."""
    queue = f"sqlite:{tmp_path}/queue.db" if request.param == "sqlite" else request.getfixturevalue("elasticmq")
    async with proxied(queue, versitygw, tmp_path) as made:
        yield made


async def test_a_server_killed_in_any_gap_loses_and_doubles_nothing(either: Proxied) -> None:
    for seed, (server, operation, done) in enumerate(either.gaps()):
        await either.service.send(7, seed)
        hold = either.proxy(server).hold(operation, done=done)
        async with either.server() as program, asyncio.timeout(PATIENCE):
            await hold.reached.wait()
            await killed(program)
        hold.go.set()  # the call goes through nevertheless, as one on its way would
    await either.service.check()


@pytest.mark.parametrize("why", ["throttled", "expired", "unavailable", "broken"])
async def test_servers_that_refuse_are_asked_again_until_they_work(cloud: Proxied, why: str) -> None:
    # A library repeats all of these by itself but the expired ones.
    await through_trouble(cloud, refuse(why), calls=2 if why == "expired" else 5)


@pytest.mark.parametrize("toxic", [reset(), cut()], ids=["not done", "done"])
async def test_a_connection_that_breaks_costs_no_message(cloud: Proxied, toxic: Toxic) -> None:
    await through_trouble(cloud, toxic, calls=5)


async def test_entries_of_a_batch_that_fail_alone_are_done_again(cloud: Proxied) -> None:
    for operation in ("SendMessageBatch", "DeleteMessageBatch"):
        cloud.proxy("queue").once(partly(lambda place: place % 2 == 0), operation, calls=5)
    await answered(cloud)


async def through_trouble(place: Proxied, toxic: Toxic, calls: int) -> None:
    """Each operation of a service goes wrong, more often than a client library would try by itself."""
    for operation in ("ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch"):
        place.proxy("queue").once(toxic, operation, calls)
    for operation in ("PUT", "GET", "POST"):
        place.proxy("store").once(toxic, operation, calls)
    await answered(place)


async def answered(place: Proxied) -> None:
    """One server gets through all of it alone; another merges what its last look at the log could not."""
    await place.service.send(30)
    async with place.server() as program:
        await place.service.settled()
        await stopped(program)
    await place.service.check()


async def test_work_slower_than_the_visibility_is_done_once(either: Proxied) -> None:
    place = either.service
    either.store.once(delay(2.5 * place.visibility), "PUT", calls=4)
    await place.send(20)
    async with either.server() as first, either.server() as second:
        await place.settled()
        await stopped(first)
        await stopped(second)
    assert await place.copies() == 20
    await place.check()


async def test_a_queue_server_that_restarts_amid_two_thousand_messages_loses_none(
    own_elasticmq: ElasticMq, versitygw: VersityGw, tmp_path: Path
) -> None:
    async with proxied(own_elasticmq, versitygw, tmp_path) as place, place.server() as program:
        for seed in range(10):
            await place.service.send(100, seed)
        await place.service.settled(at_most=800)
        await (own_elasticmq.stop() if LONG else own_elasticmq.kill())  # a stop takes it 20 s
        await program.line("fails")
        await asyncio.sleep(OUTAGE)
        await own_elasticmq.start()
        for seed in range(10):
            await place.service.send(100, seed)
        await place.service.settled()
        await stopped(program)
        await place.service.check(servers=0)


async def test_a_store_that_is_away_for_a_while_loses_nothing(
    elasticmq: ElasticMq, own_versitygw: VersityGw, tmp_path: Path
) -> None:
    async with proxied(elasticmq, own_versitygw, tmp_path) as place, place.server() as program:
        await place.service.send(30)
        await place.service.settled()
        await own_versitygw.stop()
        await place.service.send(30)
        await program.line("logging fails")
        await asyncio.sleep(OUTAGE)
        await own_versitygw.start()
        await place.service.settled()
        await stopped(program)
        await place.service.check(servers=0)


async def test_a_server_that_is_stopped_while_the_store_is_away_gives_its_messages_back(either: Proxied) -> None:
    place = either.service
    async with either.server() as program:
        await place.send(5)
        await place.settled()
        with either.store.toxic(reset()):
            await place.send(20)
            await program.line("logging fails")
            await stopped(program)
    assert await place.hidden() == 0
    await place.check()
