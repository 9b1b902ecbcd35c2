"""What a picture costs the master: itself, its result, and hardly a byte more."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from tests.support.processes import running
from tests.support.splitting import drawn, encoded, farm


@pytest.fixture
def traced() -> Iterator[None]:
    """Allocations, numpy's included, are counted."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("no_leaks", "traced")
async def test_the_master_holds_the_picture_and_its_result_and_afterwards_the_result_alone() -> None:
    picture = drawn(2000, 2000)
    data = encoded(picture)
    async with farm(tiles=6) as hub, running("-m", "tests.support.splitting", "good", hub.address, "worker-1"):
        await hub.registered("worker-1")
        for _ in range(2):  # the second finds everything imported, and the first one's result to replace
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            await hub.split_file(data, "gaussian")
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
    assert (peak - before) / picture.nbytes < 2.2
    assert (after - before) / picture.nbytes < 0.2
