"""The course of one request: decode, check, decide, work (over workers or alone), then the last stage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.intake import Limits, decode
from actors.kit.imaging.pipeline import Pipeline, parse_pipeline
from actors.split.calibrate import Calibration, estimate
from actors.split.decide import Decision, Peer, Work, decide, over, tiles_for
from actors.split.dispatch import Dispatch, Running
from actors.split.errors import NoWorkers, TilesFailed
from actors.split.job import SplitJob
from actors.split.messages import JobEvent, SplitRequest, SplitResult
from runtime import remaining
from runtime.errors import DeadlineExceeded

T = TypeVar("T")


class Shop(Protocol):
    """What a course needs of its master."""

    dispatch: Dispatch
    calibration: Calibration

    def working(self) -> tuple[str, Sequence[Peer]]:
        """The group that works now, and its usable workers."""
        ...

    def publish(self, event: JobEvent) -> None: ...

    async def offload(self, function: Callable[..., T], *args: Any) -> T: ...


@dataclass(frozen=True)
class Stages:
    """The two pipelines of a request; raises the catalogue's Problems for what it does not know."""

    operator: Pipeline
    then: Pipeline | None

    @classmethod
    def of(cls, request: SplitRequest) -> Stages:
        return cls(parse_pipeline(request.operator), parse_pipeline(request.then) if request.then else None)

    def check(self, picture: NDArray[Any]) -> None:
        """Raises the Problem of the first stage that does not take what it would get."""
        self.operator.check(picture.shape, picture.dtype)
        if self.then is not None:
            self.then.check(*self.operator.output(picture.shape, picture.dtype))


class Course:
    """One request on its way through a master. `tiles` forces the number of strips unless it is 0."""

    def __init__(self, shop: Shop, name: str, request: SplitRequest, limits: Limits, tiles: int) -> None:
        self._shop = shop
        self._name = name
        self._request = request
        self._limits = limits
        self._tiles = tiles

    async def run(self, data: NDArray[np.uint8]) -> SplitResult:
        """The result. Raises the Problems of the picture and of the operators, NoWorkers, TilesFailed and
        DeadlineExceeded; cancelling it drops the job and all it holds."""
        stages = Stages.of(self._request)
        picture: NDArray[Any] = await self._shop.offload(decode, data, self._limits)
        stages.check(picture)
        begun = time.perf_counter()
        decision = await self._decide(stages.operator, picture)
        result = await (self._over_workers if decision.split else self._alone)(stages, picture, decision)
        if stages.then is not None:
            result["picture"] = await self._shop.offload(stages.then.apply, result["picture"])
        return SplitResult(
            job=self._name,
            image=self._request.image,
            operator=str(stages.operator),
            then="" if stages.then is None else str(stages.then),
            ms=(time.perf_counter() - begun) * 1000,
            **result,
        )

    async def _decide(self, pipeline: Pipeline, picture: NDArray[Any]) -> Decision:
        mode = self._request.mode
        whole = "" if pipeline.splittable else pipeline.whole_reason
        _, peers = self._shop.working()
        weighed = mode == "auto" and not whole and bool(peers)
        here = await self._shop.offload(estimate, pipeline, picture) if weighed else 0.0
        shape, dtype = pipeline.output(picture.shape, picture.dtype)
        calibration = self._shop.calibration
        work = Work(
            here=here,
            one_thread=here * calibration.speed / calibration.one_thread,
            bytes_in=picture.nbytes,
            bytes_out=int(np.prod(shape)) * np.dtype(dtype).itemsize,
            whole=whole,
        )
        return decide(mode, work, peers)

    async def _alone(self, stages: Stages, picture: NDArray[Any], decision: Decision) -> dict[str, Any]:
        shape, _ = stages.operator.output(picture.shape, picture.dtype)
        size = {"tiles": 1, "height": shape[0], "width": shape[1]}
        self._tell(kind="started", message=decision.why, **size)
        worked = await self._shop.offload(stages.operator.apply, picture)
        self._tell(kind="tile", tile=0, rows=(0, shape[0]), **size)
        return {
            "picture": worked, "mode": "local", "why": decision.why,
            "workers": 0, "tiles": 1, "retries": 0, "duplicates": 0, "lost": (),
        }  # fmt: skip

    async def _over_workers(self, stages: Stages, picture: NDArray[Any], decision: Decision) -> dict[str, Any]:
        left = remaining()
        try:
            # a moment earlier than the asker's own deadline, so that the answer can say what was missing
            async with asyncio.timeout(None if left is None else left - min(0.5, left / 10)):
                running = await self._split(stages.operator, picture, decision)
        except TimeoutError:
            if self._shop.working()[1]:
                raise DeadlineExceeded("the workers did not finish within the deadline") from None
            raise NoWorkers(
                "no worker came, or none was left, before the deadline", hint="start a worker, or use mode=auto"
            ) from None
        outcome = running.outcome.result()
        if outcome == "finished":
            worked = f"{over(len(running.workers))}, as asked" if self._request.mode == "always" else decision.why
            return {
                "picture": await self._shop.offload(running.job.finish), "mode": "split", "why": worked,
                "workers": len(running.workers), "tiles": len(running.job.strips),
                "retries": running.retries, "duplicates": running.duplicates, "lost": tuple(running.lost),
            }  # fmt: skip
        if outcome == "hopeless" and self._request.mode == "always":
            raise TilesFailed(f"a tile failed on worker after worker: {running.reason}", retry_after=5.0)
        why = f"{decision.why}; but {running.reason}: worked by the master alone"
        alone = await self._alone(stages, picture, Decision(False, why, 0.0))
        return {**alone, "retries": running.retries, "duplicates": running.duplicates, "lost": tuple(running.lost)}

    async def _split(self, pipeline: Pipeline, picture: NDArray[Any], decision: Decision) -> Running:
        group, peers = self._shop.working()
        patient = self._request.mode == "always"
        while patient and not peers:
            await self._shop.dispatch.worker_added()
            group, peers = self._shop.working()
        tiles = tiles_for(picture.shape[0], peers, self._tiles)
        job = SplitJob(self._name, pipeline, picture, tiles)
        running = Running(job, patient, self._shop.publish)
        running.tell(kind="started", message=decision.why)
        lanes = sum(peer.parallel for peer in peers) or 1
        await self._shop.dispatch.run(running, group, decision.expected * lanes / len(job.strips))
        return running

    def _tell(self, **event: Any) -> None:
        self._shop.publish(JobEvent(job=self._name, **event))
