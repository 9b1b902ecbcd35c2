"""The master of the split: keeps the workers, takes requests, hands results out.

A thin shell. What a request goes through is `course`, who gets which tile `schedule` (carried out by `dispatch`),
who may work together `agreement`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from actors.kit.imaging.intake import Limits
from actors.split.calibrate import calibrate
from actors.split.course import Course
from actors.split.decide import Peer
from actors.split.dispatch import Dispatch
from actors.split.errors import Busy, JobTaken
from actors.split.feeds import Feeds
from actors.split.instructions import Policy
from actors.split.messages import JobEvent, MasterStatus, Registration, SplitRequest, SplitResult, WorkerCard
from actors.split.roster import Roster
from actors.split.tiler import Tiler
from runtime import Actor, Options, Ref, Stream, Topic, deadline, op
from runtime.errors import BrumeError

UNDELIVERED = 4
DELIVERY = 60.0


class MasterOptions(Options):
    """`jobs` at once (more get 503), `tiles` a picture (0: two for each tile the workers compute at once), caps on a
    picture in `bytes` and `pixels`, and `quarantine`, the seconds a worker is left out after its first wrong
    reply."""

    jobs: int = Field(default=4, ge=1)
    tiles: int = Field(default=0, ge=0)
    bytes: int = Field(default=256_000_000, ge=1)
    pixels: int = Field(default=100_000_000, ge=1)
    quarantine: float = Field(default=5.0, gt=0)
    patience: float = Field(default=2.0, ge=1)


class SplitMaster(Actor[MasterOptions]):
    """Splits pictures over the registered workers, exactly, or works alone where that is better or asked for."""

    concurrency: ClassVar[int] = 64

    async def start(self) -> None:
        self.dispatch = Dispatch(self.log, Policy(quarantine=self.options.quarantine, patience=self.options.patience))
        self.feeds = Feeds()
        self._roster = Roster(self.node, self.log, self.dispatch)
        self._limits = Limits(bytes=self.options.bytes, pixels=self.options.pixels)
        self._jobs: dict[str, None] = {}
        self._latest: SplitResult | None = None
        self._results: Topic[SplitResult] = Topic(capacity=2)
        self._outbox: asyncio.Queue[SplitResult] = asyncio.Queue(UNDELIVERED)
        self._finished = self._failed = 0
        self._recent: deque[float] = deque([1.0], maxlen=8)
        self.calibration = self._roster.calibration = await self.offload(calibrate)

    async def stop(self) -> None:
        await self._roster.close()
        await self.dispatch.close()
        self.feeds.close()
        self._results.close()

    async def run(self) -> None:
        """Deliver finished pictures, one after the other, to every worker that asked for them."""
        while True:
            result = await self._outbox.get()
            await asyncio.gather(*(self._deliver(name, ref, result) for name, ref in self._roster.receivers()))

    @op
    async def register(self, worker: Ref[Tiler[Any]], card: WorkerCard) -> Registration:
        """Take a worker in, or renew what is known of it; it gets tiles once its link is measured."""
        return self._roster.register(worker, card)

    @op
    async def leave(self, name: str) -> None:
        """Send no more tiles to a worker that is about to stop."""
        self.dispatch.retire_worker(name)

    @op
    async def split(self, request: SplitRequest, picture: NDArray[np.uint8]) -> SplitResult:
        """Work the encoded picture (the file's bytes, 1-D).

        Raises Busy when too many jobs run, the Problems of intake and operators, NoWorkers and TilesFailed under mode
        `always`. When the asker goes away the job is dropped with all it holds.
        """
        name = request.job or uuid.uuid4().hex
        if name in self._jobs:
            raise JobTaken(f"job {name} is running already", hint="choose a new id, or leave it out")
        if len(self._jobs) >= self.options.jobs:
            wait = sum(self._recent) / len(self._recent)
            raise Busy(f"{len(self._jobs)} jobs are running, as many as this master takes", retry_after=round(wait, 1))
        self._jobs[name] = None
        try:
            result = await Course(self, name, request, self._limits, self.options.tiles).run(picture)
        except BaseException as error:
            self._failed += 1
            words = str(error) if isinstance(error, BrumeError) else "the client left, or the master failed"
            self.publish(JobEvent(job=name, kind="failed", message=words))
            raise
        finally:
            del self._jobs[name]
        self._keep(result)
        return result

    @op
    async def events(self, job: str) -> Stream[JobEvent]:
        """The job's events from its first to `done` or `failed`, whether it has begun, ended, or is yet to come."""
        return self.feeds.subscribe(job)

    @op
    async def results(self) -> Stream[SplitResult]:
        """Every result from now on; a slow reader loses the oldest."""
        return self._results.subscribe()

    @op
    async def latest(self) -> SplitResult | None:
        """The last finished result; None before the first."""
        return self._latest

    @op
    async def status(self) -> MasterStatus:
        """Workers, jobs and counts now."""
        return MasterStatus(
            workers=self._roster.statuses(),
            jobs=tuple(self._jobs),
            capacity=self.options.jobs,
            finished=self._finished,
            failed=self._failed,
        )

    def working(self) -> tuple[str, Sequence[Peer]]:
        """The group that works now, and its usable workers."""
        return self._roster.working()

    def publish(self, event: JobEvent) -> None:
        """Tell those who watch the job."""
        self.feeds.publish(event)

    def _keep(self, result: SplitResult) -> None:
        self._finished += 1
        self._recent.append(result.ms / 1000)
        self._latest = result
        height, width = result.picture.shape[:2]
        self.publish(
            JobEvent(
                job=result.job, kind="done", tiles=result.tiles, width=width, height=height, message=result.why
            )
        )  # fmt: skip
        self.log.info(
            "picture done", job=result.job, image=result.image, why=result.why, workers=result.workers,
            tiles=result.tiles, retries=result.retries, ms=round(result.ms),
        )  # fmt: skip
        self._results.publish(result)
        if any(self._roster.receivers()):
            if self._outbox.full():
                dropped = self._outbox.get_nowait()
                self.log.warning("result not delivered, newer ones are waiting", job=dropped.job)
            self._outbox.put_nowait(result)

    async def _deliver(self, name: str, ref: Tiler[Any], result: SplitResult) -> None:
        try:
            with deadline(DELIVERY):
                await ref.deliver(result.job, result.image, result.picture)
        except BrumeError as error:
            self.log.warning("result not delivered", job=result.job, worker=name, reason=str(error))
