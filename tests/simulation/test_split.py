"""A picture split over workers that die, freeze, are cut off and come back, in every order the seeds give."""

from __future__ import annotations

import asyncio
import random  # seeded by the simulation
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.kit.imaging.pipeline import parse_pipeline
from actors.split import master as master_module
from actors.split import worker as worker_module
from actors.split.calibrate import Calibration
from actors.split.master import MasterOptions, SplitMaster
from actors.split.messages import SplitRequest
from actors.split.tiler import TileReply, TileTask
from actors.split.worker import Worker, WorkerOptions
from runtime import AskError, Node, deadline, op
from tests.support.nodes import edge, forever, hub, on
from tests.support.simnet import Network
from tests.support.simulate import simulate
from tests.support.splitting import drawn, encoded

PICTURE = drawn(90, 60)
FILE = encoded(PICTURE)
EXACT = parse_pipeline("canny").apply(PICTURE)
LARGE = drawn(1000, 700)  # its tiles are announced, granted and received in chunks
LARGE_FILE = encoded(LARGE)
LARGE_EXACT = parse_pipeline("gaussian").apply(LARGE)
NAMES = ("w1", "w2", "w3")


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every machine is alike, and nobody spends time on finding out."""
    alike = Calibration(speed=100.0, one_thread=100.0, cv2="5", digest="d")
    for module in (master_module, worker_module):
        monkeypatch.setattr(module, "calibrate", lambda *_: alike)


class SlowWorker(Worker):
    """Takes its time over a tile, so that something can happen meanwhile."""

    @op
    async def tile(self, task: TileTask, strip: NDArray[Any]) -> TileReply:
        await asyncio.sleep(random.choice([0.001, 0.1, 2.0]) * random.random())
        reply: TileReply = await Worker.tile.function(self, task, strip)
        return reply


async def worker(node: Node) -> None:
    await node.spawn(SlowWorker, WorkerOptions(master=node.ref(SplitMaster, "hub/master")), name="worker")


async def trouble(network: Network) -> None:
    """Faults at seeded times; in the end all that is not dead is well, and one worker never died."""
    for _ in range(random.randint(1, 8)):
        await asyncio.sleep(random.choice([0.01, 0.1, 1.0, 4.0]) * random.random())
        name = random.choice(NAMES)
        match random.choice(["kill", "freeze", "thaw", "partition", "heal"]):
            case "kill" if name != NAMES[0]:
                network.kill(name)
            case "freeze":
                network.freeze(name)
            case "thaw":
                network.thaw(name)
            case "partition":
                network.partition("hub", name)
            case _:
                network.heal("hub", name)
    for name in NAMES:
        network.heal("hub", name)
        if name not in network.killed:
            network.thaw(name)


@simulate()
async def test_whatever_happens_to_workers_the_picture_is_exact(network: Network, calibrated: None) -> None:
    await survive(network, FILE, "canny", EXACT)


@simulate(seeds=40)
async def test_tiles_that_are_long_on_their_way_are_exact_too(network: Network, calibrated: None) -> None:
    await survive(network, LARGE_FILE, "gaussian", LARGE_EXACT)


async def survive(network: Network, file: NDArray[np.uint8], operator: str, exact: NDArray[Any]) -> None:
    """Two jobs at once through seeded trouble: both exact, and nothing in flight afterwards."""
    async with hub() as center:
        master = await center.spawn(SplitMaster, MasterOptions(tiles=9), name="master")
        for name in NAMES:
            on(name, forever(edge(name), worker))
        faults = asyncio.create_task(trouble(network))
        with deadline(120):
            results = await asyncio.gather(
                *(master.split(SplitRequest(operator=operator, mode="always"), file) for _ in range(2))
            )
        await faults
        for result in results:
            assert np.array_equal(result.picture, exact)
            assert result.tiles == 9
        status = await master.status()
        assert status.jobs == ()
        assert sum(each.in_flight for each in status.workers) == 0
        for name in NAMES:
            network.kill(name)


@simulate()
async def test_a_client_may_leave_at_any_moment(network: Network, calibrated: None) -> None:
    async with hub() as center:
        master = await center.spawn(SplitMaster, MasterOptions(tiles=9), name="master")
        for name in NAMES:
            on(name, forever(edge(name), worker))
        stays, leaves = (
            asyncio.create_task(master.split(SplitRequest(operator="canny", mode="always", job=job), FILE))
            for job in ("stays", "leaves")
        )
        await asyncio.sleep(random.random() * 3)
        leaves.cancel()
        outcome: Any = (await asyncio.gather(leaves, return_exceptions=True))[0]
        if not isinstance(outcome, asyncio.CancelledError | AskError):
            assert np.array_equal(outcome.picture, EXACT)  # it was through already
        assert np.array_equal((await stays).picture, EXACT)
        assert (await master.status()).jobs == ()
        for name in NAMES:
            network.kill(name)
