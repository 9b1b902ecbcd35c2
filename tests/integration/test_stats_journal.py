"""What the journal of the statistics service has of an outage: the first failure of each kind, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from actors.kit.queues.base import Answer, Draft, Message
from actors.kit.queues.sqlite import SqliteBroker
from actors.kit.stores.base import StoreUnavailable
from actors.stats.poller import Limits, Poller

pytestmark = pytest.mark.usefixtures("no_leaks")


async def test_an_outage_is_told_once_though_each_failure_names_another_key(tmp_path: Path) -> None:
    broker, leave, tries = SqliteBroker(tmp_path / "queue.db"), asyncio.Event(), 0

    async def log(done: Sequence[tuple[Message, Answer]]) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise StoreUnavailable(f"cannot reach segment {tries}")
        leave.set()

    requests = await broker.queue("lab2")
    await requests.send([Draft("1")])
    with capture_logs() as lines:
        journal = structlog.stdlib.get_logger("test")
        poller = Poller(requests, lambda message: Answer("lab2_1", Draft(message.id)), log, Limits(), journal)
        async with asyncio.timeout(60):
            await poller.run(leave, patience=10)
    await broker.close()
    assert [line["event"] for line in lines] == ["logging fails", "logging works again"]
    assert (poller.counts["failures"], poller.trouble) == (3, {})
