"""A master and workers on nodes of their own, over TCP: what a requester gets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.intake import decode
from actors.kit.imaging.pipeline import parse_pipeline
from actors.split.errors import Busy, JobTaken, NoWorkers
from actors.split.messages import SplitRequest
from runtime import deadline
from runtime.errors import Problem
from tests.support.leaks import eventually
from tests.support.splitting import Farm, HoldingWorker, OddWorker, drawn, encoded, farm

pytestmark = pytest.mark.usefixtures("no_leaks")


async def workers(hub: Farm, count: int) -> None:
    for number in range(1, count + 1):
        await hub.worker(f"worker-{number}")


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("operator", ["gaussian:ksize=5|sobel", "gray|canny", "bilateral", "median"])
async def test_the_result_is_what_one_machine_computes_whoever_works(operator: str, count: int) -> None:
    picture = drawn(331, 207, channels=3)
    async with farm(tiles=7) as hub:
        await workers(hub, count)
        result = await hub.split(picture, operator)
    assert np.array_equal(result.picture, parse_pipeline(operator).apply(picture))
    assert (result.mode, result.workers, result.tiles, result.retries) == ("split", count, 7, 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2)])
async def test_the_smallest_pictures_are_split_too(shape: tuple[int, int]) -> None:
    picture = drawn(*shape)
    async with farm(tiles=4) as hub:
        await workers(hub, 2)
        result = await hub.split(picture, "gray|canny")
    assert np.array_equal(result.picture, parse_pipeline("gray|canny").apply(picture))


async def test_sixteen_bits_stay_sixteen_bits() -> None:
    picture = drawn(120, 90).astype(np.uint16) * 257
    async with farm(tiles=3) as hub:
        await workers(hub, 2)
        result = await hub.split(picture, "gaussian")
    assert result.picture.dtype == np.uint16
    assert np.array_equal(result.picture, parse_pipeline("gaussian").apply(picture))


async def test_the_last_stage_is_applied_to_the_merged_picture() -> None:
    picture = drawn(200, 100)
    async with farm(tiles=4) as hub:
        await workers(hub, 2)
        result = await hub.split(picture, "gaussian", then="equalize")
    assert np.array_equal(result.picture, parse_pipeline("gaussian|equalize").apply(picture))
    assert result.then == "equalize"


async def test_without_workers_auto_works_alone_and_says_so() -> None:
    picture = drawn(50, 60)
    async with farm() as hub:
        result = await hub.split(picture, "gaussian", "auto")
    assert (result.mode, result.workers) == ("local", 0)
    assert result.why == "no worker is there: worked by the master alone"
    assert np.array_equal(result.picture, parse_pipeline("gaussian").apply(picture))


async def test_an_operator_that_needs_the_whole_picture_is_worked_alone_with_the_reason() -> None:
    async with farm() as hub:
        await workers(hub, 1)
        result = await hub.split(drawn(50, 60), "equalize")
    assert result.workers == 0
    assert "equalize" in result.why


async def test_always_waits_for_a_worker_to_come() -> None:
    picture = drawn(50, 60)
    async with farm() as hub:
        job = asyncio.create_task(hub.split(picture, "gaussian"))
        assert await eventually(lambda: _running(hub))
        await workers(hub, 1)
        assert (await job).workers == 1


async def test_always_without_workers_ends_in_a_typed_error_before_the_deadline() -> None:
    async with farm() as hub:
        with deadline(1.0), pytest.raises(NoWorkers, match="no worker came"):
            await hub.split(drawn(50, 60), "gaussian")
        assert (await hub.master.status()).jobs == ()


async def test_one_job_too_many_is_told_when_to_come_again() -> None:
    async with farm(jobs=1) as hub:
        await hub.worker("worker-1", HoldingWorker)
        job = asyncio.create_task(hub.split(drawn(50, 60), "gaussian", job="first"))
        assert await eventually(lambda: _running(hub))
        with pytest.raises(Busy) as refused:
            await hub.split(drawn(50, 60), "gaussian")
        assert refused.value.retry_after is not None
        job.cancel()
        await asyncio.wait([job])


async def test_two_jobs_of_one_name_do_not_run_together() -> None:
    async with farm() as hub:
        await hub.worker("worker-1", HoldingWorker)
        job = asyncio.create_task(hub.split(drawn(50, 60), "gaussian", job="mine"))
        assert await eventually(lambda: _running(hub))
        with pytest.raises(JobTaken):
            await hub.split(drawn(50, 60), "gaussian", job="mine")
        job.cancel()
        await asyncio.wait([job])


async def test_a_watcher_sees_every_tile_with_its_rows_and_its_worker() -> None:
    async with farm(tiles=4) as hub:
        await workers(hub, 2)
        stream = await hub.master.events("mine")
        await hub.split(drawn(100, 60), "gaussian", job="mine")
        events = [event async for event in stream]
    assert [event.kind for event in events] == ["started", *["tile"] * 4, "done"]
    tiles = sorted((event.rows, event.worker) for event in events[1:-1])
    assert [rows for rows, _ in tiles] == [(0, 25), (25, 50), (50, 75), (75, 100)]
    assert {worker for _, worker in tiles} == {"worker-1", "worker-2"}
    assert {(event.tiles, event.width, event.height) for event in events} == {(4, 60, 100)}


async def test_a_result_is_kept_and_goes_to_everyone_who_asked_for_results(tmp_path: Path) -> None:
    picture = drawn(80, 60)
    async with farm() as hub:
        await hub.worker("keeper", results=tmp_path)
        await hub.worker("other")
        stream = await hub.master.results()
        result = await hub.split(picture, "gaussian", image="../../etc/field 7.jpg")
        latest = await hub.master.latest()
        heard = await anext(stream)
        kept = tmp_path / "field_7.png"
        assert await eventually(kept.exists)
        await stream.aclose()
    assert latest is not None
    for copy in (latest.picture, heard.picture, decode(kept.read_bytes())):
        assert np.array_equal(copy, result.picture)
    assert files(tmp_path) == ["field_7.png"]


async def test_a_worker_that_computes_differently_waits_and_is_told_why() -> None:
    picture = drawn(90, 60)
    async with farm(tiles=6) as hub:
        await workers(hub, 2)
        odd = await hub.worker("odd", OddWorker)
        result = await hub.split(picture, "gaussian")
        status = {worker.name: worker for worker in (await hub.master.status()).workers}
        assert "computes some operator differently" in odd.readiness()["worker"]
    assert np.array_equal(result.picture, parse_pipeline("gaussian").apply(picture))
    assert (status["odd"].state, status["odd"].done) == ("waiting", 0)
    assert "computes some operator differently" in status["odd"].reason


@pytest.mark.parametrize(
    ("data", "operator", "status"),
    [
        (b"", "gaussian", (400, 415)),
        (b"plain text, no picture", "gaussian", (415,)),
        (bytes(encoded(drawn(40, 40)))[:300], "gaussian", (400, 415, 422)),
        (bytes(encoded(drawn(40, 40))), "gausian", (422,)),
        (bytes(encoded(drawn(40, 40))), "gaussian:ksize=4", (422,)),
        (bytes(encoded(drawn(40, 40, channels=3))), "adaptive", (422,)),
        (bytes(encoded(drawn(40, 50))), "gaussian", None),
    ],
)
async def test_bad_input_is_a_problem_with_its_status_and_the_service_goes_on(
    data: bytes, operator: str, status: tuple[int, ...] | None
) -> None:
    picture = drawn(30, 40)
    async with farm(pixels=1700) as hub:
        await workers(hub, 1)
        request = SplitRequest(operator=operator, mode="always")
        with pytest.raises(Problem) as problem:
            await hub.master.split(request, np.frombuffer(data, np.uint8))
        assert problem.value.status in (status or (413,))
        assert (await hub.split(picture, "gaussian")).workers == 1


async def test_many_jobs_at_once_are_each_exact() -> None:
    pictures = [drawn(150 + 20 * n, 90, seed=n) for n in range(4)]
    async with farm(tiles=5) as hub:
        await workers(hub, 3)
        results = await asyncio.gather(*(hub.split(picture, "gray|canny") for picture in pictures))
    for picture, result in zip(pictures, results, strict=True):
        assert np.array_equal(result.picture, cv2.Canny(picture, 50, 150))


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _running(hub: Farm) -> bool:
    return bool((await hub.master.status()).jobs)
