"""Carries the schedule's instructions out: sends tiles, judges replies, watches workers.

One task an attempt. Everything here runs on the loop; the only waits are for workers.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import structlog

from actors.split.instructions import Assign, Attempt, Finished, Hopeless, Instruction, Policy, Resend, Revoke, Stranded
from actors.split.job import MisfitError, SplitJob, SurplusError
from actors.split.messages import JobEvent
from actors.split.schedule import Schedule
from actors.split.tiler import Tiler
from runtime.errors import ActorFailed, ActorStopped, AskError, NoSuchActor, NoSuchOp, OpFailed, PeerLost, Problem

Outcome = Literal["finished", "stranded", "hopeless"]
STOPPED = (ActorStopped, ActorFailed, NoSuchActor)
AT_FAULT = (MisfitError, NoSuchOp, OpFailed, Problem)


@dataclass
class Running:
    """A job on its way. `patient` jobs wait for workers when all are gone; others end as stranded."""

    job: SplitJob
    patient: bool
    publish: Callable[[JobEvent], None]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    outcome: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    reason: str = ""
    workers: set[str] = field(default_factory=set)
    lost: dict[str, None] = field(default_factory=dict)
    retries: int = 0
    duplicates: int = 0

    def tell(self, **event: Any) -> None:
        """Publish an event of this job."""
        height, width = self.job.out.shape[:2]
        self.publish(JobEvent(job=self.job.name, tiles=len(self.job.strips), width=width, height=height, **event))

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """The first outcome counts."""
        if not self.outcome.done():
            self.reason = reason
            self.outcome.set_result(outcome)


class Dispatch:
    """The schedule at work for one master."""

    def __init__(self, log: structlog.stdlib.BoundLogger, policy: Policy | None = None) -> None:
        self.schedule = Schedule(policy)
        self._log = log
        self._refs: dict[str, Tiler[Any]] = {}
        self._running: dict[str, Running] = {}
        self._attempts: dict[int, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    # workers

    def add_worker(self, name: str, ref: Tiler[Any], group: str, slots: int, speed: float) -> None:
        """Give tiles to a worker; adding it again renews what is known of it."""
        self._refs[name] = ref
        self._carry_out(self.schedule.add_worker(name, group, slots, speed, self._now()))
        self._changed.set()

    def retire_worker(self, name: str) -> None:
        """Give no more tiles to a worker."""
        self._carry_out(self.schedule.retire_worker(name, self._now()))

    def lose_worker(self, name: str, reason: str) -> None:
        """A worker is gone: its tiles go to others at once."""
        self._refs.pop(name, None)
        instructions = self.schedule.lose_worker(name, self._now(), reason)
        for instruction in instructions:
            if isinstance(instruction, Revoke) and instruction.attempt.worker == name:
                self._running[instruction.attempt.job].lost[name] = None
        self._carry_out(instructions)

    def usable(self, group: str) -> list[str]:
        """The workers of a group that may get tiles now."""
        return self.schedule.usable(group, self._now())

    def standing(self, name: str) -> tuple[Literal["working", "quarantined"], str]:
        """Whether a worker is quarantined, and for what."""
        worker = self.schedule.workers.get(name)
        if worker is not None and worker.quarantined_until > self._now():
            return "quarantined", worker.reason
        return "working", ""

    def counts(self, name: str) -> tuple[int, int]:
        """Tiles a worker has in flight, and tiles of it that are in pictures."""
        worker = self.schedule.workers.get(name)
        return (0, 0) if worker is None else (len(worker.in_flight), worker.done)

    async def worker_added(self) -> None:
        """Wait until one is added."""
        self._changed.clear()
        await self._changed.wait()

    # jobs

    async def run(self, running: Running, group: str, expected: float) -> Outcome:
        """Have every tile worked; `expected` seconds each. Waits for the outcome; a cancelled wait drops the job."""
        name = running.job.name
        self._running[name] = running
        try:
            tiles = len(running.job.strips)
            self._carry_out(self.schedule.add_job(name, group, tiles, expected, self._now()))
            return await running.outcome
        finally:
            self._carry_out(self.schedule.drop_job(name, self._now()))
            del self._running[name]

    async def close(self) -> None:
        """Cancel all that is in flight and wait until it has ended."""
        if self._timer is not None:
            self._timer.cancel()
        attempts = list(self._attempts.values())
        self._attempts.clear()
        for task in attempts:
            task.cancel()
        if attempts:
            await asyncio.wait(attempts)

    # instructions

    def _carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Assign(attempt):
                    self._send(attempt)
                case Revoke(attempt):
                    task = self._attempts.pop(attempt.number, None)
                    if task is not None:
                        task.cancel()
                case Resend(attempt, reason):
                    running = self._running[attempt.job]
                    running.retries += 1
                    rows = running.job.rows(attempt.tile)
                    running.tell(kind="retry", tile=attempt.tile, rows=rows, worker=attempt.worker, message=reason)
                case Finished(job):
                    self._running[job].end("finished")
                case Stranded(job):
                    running = self._running[job]
                    if not running.patient:
                        running.end("stranded", "no worker is left")
                case Hopeless(job, reason):
                    self._running[job].end("hopeless", reason)
        self._arm()

    def _send(self, attempt: Attempt) -> None:
        running = self._running[attempt.job]
        running.duplicates += attempt.duplicate
        # under the job's own deadline and trace, whoever's event caused it
        task = asyncio.get_running_loop().create_task(
            self._attempt(attempt, running), name=f"tile {attempt}", context=running.context.copy()
        )
        self._attempts[attempt.number] = task

    async def _attempt(self, attempt: Attempt, running: Running) -> None:
        job, ref = running.job, self._refs[attempt.worker]
        task, strip = job.task(attempt.tile)
        grant = partial(self.schedule.grant, attempt)
        try:
            reply = await ref.tile.into(job.place(attempt.tile, grant))(task, strip)
            job.commit(attempt.tile, reply, grant)
        except Exception as error:
            self._attempts.pop(attempt.number, None)
            self._failed(attempt, error)
        else:
            self._attempts.pop(attempt.number, None)
            running.workers.add(attempt.worker)
            running.tell(kind="tile", tile=attempt.tile, rows=job.rows(attempt.tile), worker=attempt.worker)
            self._carry_out(self.schedule.commit(attempt, self._now()))

    def _failed(self, attempt: Attempt, error: Exception) -> None:
        now = self._now()
        if isinstance(error, SurplusError):
            self._carry_out(self.schedule.surplus(attempt, now))
        elif isinstance(error, PeerLost):
            self.lose_worker(attempt.worker, "is lost")
        elif isinstance(error, STOPPED):
            # its link lives, and may be bringing a granted reply: only this attempt is over, and it gets no more
            self.retire_worker(attempt.worker)
            self._carry_out(self.schedule.refuse(attempt, f"{attempt.worker} stopped", now))
        elif isinstance(error, AT_FAULT):
            self._log.warning("worker at fault", worker=attempt.worker, tile=attempt.tile, reason=str(error))
            self._carry_out(self.schedule.offend(attempt, str(error), now))
        elif isinstance(error, AskError):
            self._carry_out(self.schedule.refuse(attempt, str(error), now))
        else:
            self._log.error("tile failed here", tile=attempt.tile, exc_info=error)
            self._running[attempt.job].end("hopeless", f"{type(error).__name__}: {error}")

    # time

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wake = self.schedule.wake_at(self._now())
        self._timer = None if wake is None else asyncio.get_running_loop().call_at(wake, self._tick)

    def _tick(self) -> None:
        self._carry_out(self.schedule.tick(self._now()))
