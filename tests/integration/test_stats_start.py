"""A statistics service stopped while it starts, or that cannot start, closes what it has opened."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from actors.kit import queues
from actors.stats import actor
from actors.stats.actor import Stats, StatsOptions
from runtime import Node

pytestmark = pytest.mark.usefixtures("no_leaks")


async def test_a_stop_amid_the_start_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    opening, go_on = threading.Event(), threading.Event()

    def slow(url: str) -> Any:
        opening.set()
        go_on.wait()
        return queues.open_broker(url)

    monkeypatch.setattr(actor, "open_broker", slow)
    places: dict[str, Any] = {"queue": f"sqlite:{tmp_path / 'queue.db'}", "store": f"file:{tmp_path / 'bucket'}"}
    async with Node("early") as node:
        starting = asyncio.create_task(node.spawn(Stats, StatsOptions(**places), name="stats"))
        await asyncio.to_thread(opening.wait)
        starting.cancel()
        await asyncio.wait([starting])
        go_on.set()
    assert "stop failed" not in "".join(capfd.readouterr())


async def test_a_queue_that_cannot_be_is_the_only_thing_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = StatsOptions(queue="redis://h", store=f"file:{tmp_path / 'bucket'}")
    async with Node("wrong") as node:
        with pytest.raises(ValueError, match="is no queue"):
            await node.spawn(Stats, options, name="stats")
    assert "stop failed" not in "".join(capfd.readouterr())
