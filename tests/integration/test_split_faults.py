"""What goes wrong while a picture is split: the job ends exactly or in a typed error, and nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.kit.imaging.pipeline import parse_pipeline
from actors.split.master import MasterOptions, SplitMaster
from actors.split.messages import SplitRequest, SplitResult
from runtime import AskError, Node
from tests.support.leaks import eventually
from tests.support.linkem import HERE, EmulatedLink
from tests.support.processes import Program, running
from tests.support.splitting import HEARTBEAT, Farm, HoldingWorker, drawn, encoded, farm, liar

pytestmark = pytest.mark.usefixtures("no_leaks")

PICTURE = drawn(240, 180)
OPERATOR = "gray|canny"
EXACT = parse_pipeline(OPERATOR).apply(PICTURE)


@contextlib.asynccontextmanager
async def process(kind: str, hub: Farm, name: str, inside: Sequence[str] = ()) -> AsyncIterator[Program]:
    """A worker in a process of its own, registered; `inside` is the command that runs it elsewhere."""
    argv = ["-m", "tests.support.splitting", kind, hub.address, name]
    if inside:
        argv = ["-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])", *inside, sys.executable, *argv]
    async with running(*argv) as program:
        await hub.registered(name)
        yield program


async def split_while(hub: Farm, program: Program, number: signal.Signals) -> SplitResult:
    """Split a picture, and signal the holding worker when it has a tile."""
    job = asyncio.create_task(hub.split(PICTURE, OPERATOR))
    await program.line("holding tile")
    program.send(number)
    return await job


def assert_exact(picture: NDArray[Any]) -> None:
    assert np.count_nonzero(picture != EXACT) == 0


async def test_a_worker_killed_in_the_middle_of_its_tiles_costs_no_pixel() -> None:
    async with farm(tiles=6) as hub, process("holding", hub, "worker-1") as doomed:
        await hub.worker("worker-2")
        result = await split_while(hub, doomed, signal.SIGKILL)
        assert_exact(result.picture)
        assert (result.workers, result.lost) == (1, ("worker-1",))
        assert result.retries >= 1
        await hub.gone("worker-1")


async def test_a_frozen_worker_is_given_up_and_comes_back_when_it_thaws() -> None:
    async with farm(tiles=6) as hub, process("holding", hub, "worker-1") as frozen:
        await hub.worker("worker-2")
        result = await split_while(hub, frozen, signal.SIGSTOP)
        assert_exact(result.picture)
        assert result.lost == ("worker-1",)
        frozen.send(signal.SIGCONT)
        await hub.registered("worker-1", "worker-2")


async def test_a_worker_that_is_merely_slow_is_outrun_by_one_duplicate_and_stays() -> None:
    async with farm(tiles=6, patience=2.0) as hub:
        await hub.worker("worker-1", HoldingWorker)
        await hub.worker("worker-2")
        result = await hub.split(PICTURE, OPERATOR)
        assert_exact(result.picture)
        assert (result.workers, result.lost, result.retries) == (1, (), 0)
        assert result.duplicates == 2
        assert {worker.state for worker in (await hub.master.status()).workers} == {"working"}


@pytest.mark.parametrize("lie", ["shape", "dtype", "tile", "job", "error"])
async def test_a_worker_that_answers_garbage_is_quarantined_and_no_pixel_is_wrong(lie: str) -> None:
    async with farm(tiles=6) as hub:
        await hub.worker("liar", liar(lie))
        await hub.worker("worker-2")
        result = await hub.split(PICTURE, OPERATOR)
        assert_exact(result.picture)
        assert result.workers == 1
        states = {worker.name: (worker.state, bool(worker.reason)) for worker in (await hub.master.status()).workers}
        assert states == {"liar": ("quarantined", True), "worker-2": ("working", False)}


async def test_with_liars_alone_auto_ends_on_the_master_and_says_so() -> None:
    picture = drawn(1500, 1200)
    async with farm(tiles=4) as hub:
        await hub.worker("liar", liar("shape"))
        result = await hub.split(picture, "bilateral:d=15", "auto")
        if result.retries:  # where splitting seemed to pay at all
            assert result.why.endswith("but no worker is left: worked by the master alone")
        assert result.workers == 0
        assert np.array_equal(result.picture, parse_pipeline("bilateral:d=15").apply(picture))


async def test_a_client_that_leaves_takes_its_job_with_it() -> None:
    async with farm(tiles=4) as hub:
        await hub.worker("worker-1", HoldingWorker)
        async with Node("client", links={"hub": hub.address}, heartbeat=HEARTBEAT) as client:
            master = client.ref(SplitMaster, "hub/master")
            job = asyncio.create_task(master.split(SplitRequest(operator=OPERATOR, mode="always"), encoded(PICTURE)))
            assert await eventually(lambda: _busy(hub))
            job.cancel()
            await asyncio.wait([job])
            assert await eventually(lambda: _idle(hub))
            job = asyncio.create_task(master.split(SplitRequest(operator=OPERATOR, mode="always"), encoded(PICTURE)))
            assert await eventually(lambda: _busy(hub))
        with pytest.raises(AskError):
            await job
        assert await eventually(lambda: _idle(hub))
        assert hub.hub.statistics().budget_used == 0


async def test_workers_find_a_master_that_restarts_and_its_client_gets_a_typed_error() -> None:
    async with farm(tiles=4) as first:
        port = first.address
        await first.worker("worker-1", HoldingWorker)
        async with Node("client", links={"hub": port}, heartbeat=HEARTBEAT) as client:
            master = client.ref(SplitMaster, "hub/master")
            job = asyncio.create_task(master.split(SplitRequest(operator=OPERATOR, mode="always"), encoded(PICTURE)))
            assert await eventually(lambda: _busy(first))
            first.hub.drain_seconds = 0.05
            await first.hub.stop()
            with pytest.raises(AskError):
                await job
            async with Node("hub", listen=[port], heartbeat=HEARTBEAT) as again:
                second = Farm(
                    again, await again.spawn(SplitMaster, MasterOptions(tiles=4), name="master"), first._stack
                )
                await second.registered("worker-1")
                await second.worker("worker-2")
                result = await second.split(PICTURE, OPERATOR)
                assert_exact(result.picture)


async def test_a_worker_that_stops_in_the_middle_finishes_its_tiles_and_loses_none() -> None:
    async with farm(tiles=12) as hub, process("good", hub, "worker-1") as leaving:
        await hub.worker("worker-2")
        picture = drawn(1200, 900)
        events = await hub.master.events("mine")
        job = asyncio.create_task(hub.split(picture, "bilateral", job="mine"))
        async for event in events:
            if event.kind == "tile":
                leaving.send(signal.SIGTERM)
                break
        await events.aclose()
        result = await job
        assert np.array_equal(result.picture, parse_pipeline("bilateral").apply(picture))
        assert await leaving.ended() == 0


async def test_a_master_that_is_told_to_stop_finishes_the_picture_it_took() -> None:
    picture = drawn(1200, 900)
    async with farm(tiles=12) as hub:
        await hub.worker("worker-1")
        events = await hub.master.events("mine")
        job = asyncio.create_task(hub.split(picture, "bilateral", job="mine"))
        assert (await anext(events)).kind == "started"
        await hub.hub.stop()
        result = await job
    assert np.array_equal(result.picture, parse_pipeline("bilateral").apply(picture))


@pytest.mark.root
async def test_a_partition_is_noticed_and_healed(link: EmulatedLink) -> None:
    async with farm(listen=f"tcp://{HERE}:0", insecure=True, tiles=6) as hub:
        await hub.worker("worker-2")
        async with process("holding", hub, "worker-1", inside=link.inside) as beyond:
            job = asyncio.create_task(hub.split(PICTURE, OPERATOR))
            await beyond.line("holding tile")
            link.set("down")
            result = await job
            assert_exact(result.picture)
            assert (result.workers, result.lost) == (1, ("worker-1",))
            await hub.gone("worker-1")
            link.set("up")
            await hub.registered("worker-1", "worker-2")


async def _busy(hub: Farm) -> bool:
    return any(worker.in_flight for worker in (await hub.master.status()).workers)


async def _idle(hub: Farm) -> bool:
    status = await hub.master.status()
    return not status.jobs and not any(worker.in_flight for worker in status.workers)
