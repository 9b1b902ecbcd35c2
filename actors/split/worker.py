"""A worker: registers with its master for ever, and computes what it is sent."""

from __future__ import annotations

import asyncio
import os
import random
from typing import ClassVar

from actors.split.calibrate import calibrate, host
from actors.split.master import SplitMaster
from actors.split.messages import Registration, WorkerCard
from actors.split.tiler import Tiler, TilerOptions
from runtime import Ref, deadline
from runtime.errors import BrumeError


class WorkerOptions(TilerOptions):
    """`master` is where to register; the others are the tiler's."""

    master: Ref[SplitMaster]


class Worker(Tiler[WorkerOptions]):
    """Renews its registration every few seconds, and at once when the link comes back, so that it outlives any
    master."""

    renewal: ClassVar[float] = 5.0
    patience: ClassVar[float] = 10.0
    longest_pause: ClassVar[float] = 5.0

    async def start(self) -> None:
        await super().start()
        measured = await self.offload(calibrate, 1)
        self._card = WorkerCard(
            name=self.node.name if self.name == "worker" else f"{self.node.name}.{self.name}",
            host=host(),
            host_cores=len(os.sched_getaffinity(0)),
            parallel=self.options.parallel,
            speed=measured.speed,
            cv2=measured.cv2,
            digest=measured.digest,
            results=self.options.results is not None,
        )
        self._registration: Registration | None = None
        self._trouble = "not registered yet"
        self._leaving = False

    def readiness(self) -> str | None:
        """Ready when the master gives tiles, or would once others agree less."""
        if self._registration is None:
            return f"no master: {self._trouble}"
        return None if self._registration.state != "waiting" else f"waiting: {self._registration.reason}"

    async def run(self) -> None:
        """Register, wait until the link is lost or the renewal is due, again."""
        failures = 0
        while not self._leaving:
            try:
                await self._register()
            except BrumeError as error:
                self._registration, self._trouble = None, str(error)
                failures += 1
                pause = min(self.longest_pause, 0.1 * 2.0 ** min(failures, 10))
                self.log.info("not registered", reason=str(error), pause=round(pause, 1))
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                continue
            failures = 0
            await self._lost_or_due()

    async def drain(self) -> None:
        """Ask the master for no more tiles; those here are still computed."""
        self._leaving = True
        if self._registration is not None:
            try:
                with deadline(1.0):
                    await self.options.master.leave(self._card.name)
            except BrumeError as error:
                self.log.info("left without a word", reason=str(error))

    async def _register(self) -> None:
        with deadline(self.patience):
            answer = await self.options.master.register(self.me, self._card)
        if self._registration != answer:
            self.log.info("registered", state=answer.state, reason=answer.reason)
        self._registration = answer

    async def _lost_or_due(self) -> None:
        try:
            async with asyncio.timeout(self.renewal * random.uniform(0.8, 1.2)):
                await self.node.wait_lost(self.options.master)
        except TimeoutError:
            return
        self._registration, self._trouble = None, "the link to the master is lost"
