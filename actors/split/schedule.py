"""Which worker works which tile: events in, instructions out.

Nothing here knows of pictures, links or the clock: the caller passes `now` (seconds, any monotonic origin), carries
the instructions out in order and reports what became of them. A tile is unassigned, assigned (one attempt, or two
when it straggles), granted (one attempt's reply is being received) or done, and goes back to unassigned when its
last attempt ends without a reply. Between jobs the one with the fewest attempts in flight goes first; between
workers the one with the fewest.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from actors.split.instructions import (
    Assign,
    Attempt,
    Finished,
    Hopeless,
    Instruction,
    Policy,
    Resend,
    Revoke,
    Stranded,
)

OFFENDERS = 256  # lost workers whose record is kept
TileState = Literal["unassigned", "assigned", "granted", "done"]


@dataclass
class _Worker:
    name: str
    group: str = ""
    slots: int = 0
    speed: float = 0.0
    in_flight: dict[int, Attempt] = field(default_factory=dict)
    resting_until: float = float("-inf")
    quarantined_until: float = float("-inf")
    offences: int = 0
    reason: str = ""
    done: int = 0

    def free(self, now: float) -> bool:
        """May take a tile now."""
        return len(self.in_flight) < self.slots and self.back_at <= now

    @property
    def back_at(self) -> float:
        return max(self.resting_until, self.quarantined_until)


@dataclass
class _Tile:
    attempts: dict[int, Attempt] = field(default_factory=dict)
    granted: int | None = None
    done: bool = False
    duplicated: bool = False
    failures: int = 0

    @property
    def state(self) -> TileState:
        if self.done:
            return "done"
        if self.granted is not None:
            return "granted"
        return "assigned" if self.attempts else "unassigned"


@dataclass
class _Job:
    name: str
    group: str
    tiles: list[_Tile]
    expected: float
    served: int = 0
    stranded: bool = False
    seconds: list[float] = field(default_factory=list)

    @property
    def running(self) -> int:
        return sum(len(tile.attempts) for tile in self.tiles)

    def unassigned(self) -> Iterator[int]:
        return (index for index, tile in enumerate(self.tiles) if tile.state == "unassigned")

    @property
    def typical(self) -> float:
        """Seconds from sending a tile to its commit: measured once a tile is done, a guess before."""
        return statistics.median(self.seconds) if self.seconds else self.expected


class Schedule:
    """All jobs and workers of one master."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.jobs: dict[str, _Job] = {}
        self.workers: dict[str, _Worker] = {}
        self._offenders: dict[str, _Worker] = {}
        self._started: dict[int, float] = {}
        self._numbers = 0
        self._turns = 0

    # events

    def add_worker(self, name: str, group: str, slots: int, speed: float, now: float) -> list[Instruction]:
        """A worker came; one already known keeps its tiles, and a known offender its quarantine."""
        known = self.workers.get(name) or self._offenders.pop(name, None) or _Worker(name)
        known.group, known.slots, known.speed = group, slots, speed
        self.workers[name] = known
        return self._settle(now)

    def retire_worker(self, name: str, now: float) -> list[Instruction]:
        """A worker asks for no more tiles, and finishes those it has; unknown names are ignored."""
        worker = self.workers.get(name)
        if worker is not None:
            worker.slots = 0
        return self._settle(now)

    def lose_worker(self, name: str, now: float, reason: str = "lost") -> list[Instruction]:
        """A worker is gone with all it had in flight; unknown names are ignored."""
        worker = self.workers.pop(name, None)
        if worker is None:
            return []
        done: list[Instruction] = []
        for attempt in list(worker.in_flight.values()):
            done += self._withdraw(attempt, f"{name} {reason}")
        if worker.offences:
            worker.in_flight.clear()
            self._offenders[name] = worker
            if len(self._offenders) > OFFENDERS:
                del self._offenders[next(iter(self._offenders))]
        return done + self._settle(now)

    def add_job(self, job: str, group: str, tiles: int, expected: float, now: float) -> list[Instruction]:
        """A job of `tiles` tiles for workers of `group`.

        `expected` is in seconds for one tile and counts until one is measured; infinite where it is not known.
        """
        if job in self.jobs or tiles < 1:
            raise ValueError(f"job {job!r} with {tiles} tiles: the name must be new and the tiles at least one")
        self.jobs[job] = _Job(job, group, [_Tile() for _ in range(tiles)], expected)
        return self._settle(now)

    def drop_job(self, job: str, now: float) -> list[Instruction]:
        """Nobody wants the job any more; unknown names are ignored."""
        dropped = self.jobs.pop(job, None)
        if dropped is None:
            return []
        done: list[Instruction] = []
        for tile in dropped.tiles:
            for attempt in tile.attempts.values():
                self._forget(attempt)
                done.append(Revoke(attempt))
        return done + self._settle(now)

    def grant(self, attempt: Attempt) -> bool:
        """May this attempt's reply be written into the picture? Yes for the first to ask while the tile is not
        done."""
        tile = self._tile(attempt)
        if tile is None or tile.done or tile.granted not in (None, attempt.number):
            return False
        tile.granted = attempt.number
        return True

    def commit(self, attempt: Attempt, now: float) -> list[Instruction]:
        """The granted reply is in the picture, whole. Other attempts at the tile are revoked."""
        tile = self._tile(attempt)
        if tile is None or tile.granted != attempt.number:
            raise ValueError(f"{attempt} was not granted")
        job, worker = self.jobs[attempt.job], self.workers.get(attempt.worker)
        job.seconds.append(now - self._started[attempt.number])
        if worker is not None:
            worker.done += 1
            worker.offences = 0
        tile.done = True
        self._forget(attempt)
        done: list[Instruction] = []
        for other in list(tile.attempts.values()):
            if other != attempt:
                self._forget(other)
                done.append(Revoke(other))
        tile.attempts.clear()
        if all(each.done for each in job.tiles):
            del self.jobs[job.name]
            done.append(Finished(job.name))
        return done + self._settle(now)

    def refuse(self, attempt: Attempt, reason: str, now: float) -> list[Instruction]:
        """The attempt ended without a reply and without anyone's fault; the worker rests a moment."""
        worker = self.workers.get(attempt.worker)
        if worker is not None and self._tile(attempt) is not None:
            worker.resting_until = now + self.policy.rest
        return self._withdraw(attempt, reason) + self._settle(now)

    def surplus(self, attempt: Attempt, now: float) -> list[Instruction]:
        """The attempt's reply was turned away because another one holds the grant."""
        return self._withdraw(attempt, "another reply came first") + self._settle(now)

    def offend(self, attempt: Attempt, reason: str, now: float) -> list[Instruction]:
        """The worker answered with what cannot be a tile: quarantine, longer with each offence in a row.

        What it still has in flight goes to others, but for replies being received: those are judged on their own.
        """
        tile = self._tile(attempt)
        if tile is None:
            return []
        tile.failures += 1
        hopeless = tile.failures >= self.policy.failures
        done = self._withdraw(attempt, reason)
        worker = self.workers.get(attempt.worker)
        if worker is not None:
            worker.offences += 1
            length = min(self.policy.longest_quarantine, self.policy.quarantine * 2.0 ** (worker.offences - 1))
            worker.quarantined_until, worker.reason = now + length, reason
            for other in list(worker.in_flight.values()):
                if self.jobs[other.job].tiles[other.tile].granted != other.number:
                    done += self._withdraw(other, f"{worker.name} is quarantined")
        if hopeless:
            return [*done, Hopeless(attempt.job, reason), *self.drop_job(attempt.job, now)]
        return done + self._settle(now)

    def tick(self, now: float) -> list[Instruction]:
        """Time passed: rested workers take tiles again, stragglers get their duplicate."""
        return self._settle(now)

    # questions

    def usable(self, group: str, now: float) -> list[str]:
        """The workers of a group that are neither quarantined nor retired, by name."""
        return [w.name for w in self.workers.values() if w.group == group and w.slots and w.quarantined_until <= now]

    def wake_at(self, now: float) -> float | None:
        """When to call `tick` next if nothing else happens; None while only an event can change anything."""
        if not self.jobs:
            return None
        times = [worker.back_at for worker in self.workers.values() if worker.back_at > now]
        if not self._anything_unassigned() and any(self._idle(now)):
            times += [self._straggles_at(a) for _, a in self._lone_attempts() if self._straggles_at(a) > now]
        return min((time for time in times if time < float("inf")), default=None)

    # decisions

    def _settle(self, now: float) -> list[Instruction]:
        done: list[Instruction] = []
        while (pick := self._next_tile(now)) is not None:
            done.append(self._assign(*pick, now))
        if not self._anything_unassigned():
            for worker in list(self._idle(now)):
                straggler = self._straggler_for(worker, now)
                if straggler is not None:
                    self.jobs[straggler.job].tiles[straggler.tile].duplicated = True
                    done.append(self._assign(self.jobs[straggler.job], straggler.tile, worker, now, duplicate=True))
        for job in self.jobs.values():
            stranded = not self.usable(job.group, now) and any(True for _ in job.unassigned())
            if stranded and not job.stranded:
                done.append(Stranded(job.name))
            job.stranded = stranded
        return done

    def _next_tile(self, now: float) -> tuple[_Job, int, _Worker] | None:
        for job in sorted(self.jobs.values(), key=lambda job: (job.running, job.served)):
            tile = next(job.unassigned(), None)
            if tile is None:
                continue
            free = [w for w in self.workers.values() if w.group == job.group and w.free(now)]
            if free:
                return job, tile, min(free, key=lambda worker: (len(worker.in_flight), -worker.speed))
        return None

    def _assign(self, job: _Job, tile: int, worker: _Worker, now: float, duplicate: bool = False) -> Assign:
        self._numbers += 1
        self._turns += 1
        attempt = Attempt(job.name, tile, worker.name, self._numbers, duplicate)
        job.served = self._turns
        job.tiles[tile].attempts[attempt.number] = attempt
        worker.in_flight[attempt.number] = attempt
        self._started[attempt.number] = now
        return Assign(attempt)

    def _anything_unassigned(self) -> bool:
        return any(tile.state == "unassigned" for job in self.jobs.values() for tile in job.tiles)

    def _idle(self, now: float) -> Iterator[_Worker]:
        return (worker for worker in self.workers.values() if not worker.in_flight and worker.free(now))

    def _straggler_for(self, worker: _Worker, now: float) -> Attempt | None:
        late = [
            attempt
            for job, attempt in self._lone_attempts()
            if job.group == worker.group and self._straggles_at(attempt) <= now
        ]
        return min(late, key=lambda attempt: self._started[attempt.number], default=None)

    def _lone_attempts(self) -> Iterator[tuple[_Job, Attempt]]:
        """Attempts at tiles that may have a duplicate: assigned, and never duplicated before."""
        for job in self.jobs.values():
            for tile in job.tiles:
                if tile.state == "assigned" and not tile.duplicated:
                    yield job, next(iter(tile.attempts.values()))

    def _straggles_at(self, attempt: Attempt) -> float:
        job = self.jobs[attempt.job]
        patience = max(self.policy.least_patience, self.policy.patience * job.typical)
        return self._started[attempt.number] + patience

    # bookkeeping

    def _tile(self, attempt: Attempt) -> _Tile | None:
        """The tile the attempt is still at; None once the attempt is over."""
        job = self.jobs.get(attempt.job)
        tile = None if job is None else job.tiles[attempt.tile]
        return tile if tile is not None and attempt.number in tile.attempts else None

    def _withdraw(self, attempt: Attempt, reason: str) -> list[Instruction]:
        tile = self._tile(attempt)
        if tile is None:
            return []
        self._forget(attempt)
        del tile.attempts[attempt.number]
        if tile.granted == attempt.number:
            tile.granted = None
        resend: list[Instruction] = [] if tile.attempts or tile.done else [Resend(attempt, reason)]
        return [Revoke(attempt), *resend]

    def _forget(self, attempt: Attempt) -> None:
        self._started.pop(attempt.number, None)
        worker = self.workers.get(attempt.worker)
        if worker is not None:
            worker.in_flight.pop(attempt.number, None)
