"""The master's workers: who is registered, who may work, and what their links are worth."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog

from actors.split.agreement import group_of, why_waiting, working_group
from actors.split.calibrate import Calibration
from actors.split.decide import Peer
from actors.split.dispatch import Dispatch
from actors.split.messages import Registration, WorkerCard, WorkerStatus
from actors.split.tiler import Tiler
from runtime import Node, deadline
from runtime.errors import PeerLost

PROBE = 256 * 1024
PATIENCE = 10.0
AGAIN = 1.0  # seconds until a link that could not be measured is tried again
TICK = 1e-6  # seconds no echo is faster than


@dataclass
class _Entry:
    ref: Tiler[Any]
    card: WorkerCard
    watch: asyncio.Task[None] | None = None
    rtt: float = 0.0
    bandwidth: float = 0.0

    @property
    def measured(self) -> bool:
        return self.bandwidth > 0


class Roster:
    """One entry a worker name. A watch task measures the worker's link, lets it in, and takes it out when it is
    lost."""

    calibration: Calibration  # the master's own, before the first worker registers

    def __init__(self, node: Node, log: structlog.stdlib.BoundLogger, dispatch: Dispatch) -> None:
        self._node = node
        self._log = log
        self._dispatch = dispatch
        self._entries: dict[str, _Entry] = {}

    def register(self, ref: Tiler[Any], card: WorkerCard) -> Registration:
        """Take a worker in, or renew it; a second one of the same name waits until the first is gone."""
        known = self._entries.get(card.name)
        if known is not None and known.ref != ref:
            return Registration(state="waiting", reason=f"another worker is called {card.name} ({known.ref})")
        if known is not None:
            known.card = card
            if known.measured:
                self._let_in(known)
        else:
            entry = self._entries[card.name] = _Entry(ref, card)
            # outside the asker's chain: the probe asks the worker while the worker's own ask is still open
            entry.watch = asyncio.get_running_loop().create_task(
                self._watch(entry), name=f"watch {card.name}", context=contextvars.Context()
            )
            self._log.info("worker registered", worker=card.name, cv2=card.cv2, speed=round(card.speed, 1))
        reason = why_waiting(card, self._group())
        return Registration(state="waiting" if reason else "working", reason=reason)

    def receivers(self) -> Iterator[tuple[str, Tiler[Any]]]:
        """The workers that asked for every result."""
        return ((name, entry.ref) for name, entry in self._entries.items() if entry.card.results)

    def working(self) -> tuple[str, Sequence[Peer]]:
        """The group that works now, and its usable workers."""
        group = self._group()
        return group, [self._peer(self._entries[name]) for name in self._dispatch.usable(group)]

    def statuses(self) -> tuple[WorkerStatus, ...]:
        """All registered workers, with the reason why one does not work."""
        return tuple(self._status(entry) for entry in self._entries.values())

    async def close(self) -> None:
        """End all watching."""
        watches = [entry.watch for entry in self._entries.values() if entry.watch is not None]
        self._entries.clear()
        for watch in watches:
            watch.cancel()
        if watches:
            await asyncio.wait(watches)

    async def _watch(self, entry: _Entry) -> None:
        """Measure the worker's link until that succeeds, let the worker in, take it out when the link is lost."""
        while not entry.measured:
            try:
                await self._measure(entry)
            except PeerLost:
                self._take_out(entry.card.name, "is lost")
                return
            except Exception as error:
                self._log.warning("worker not measured, trying again", worker=entry.card.name, reason=repr(error))
                await asyncio.sleep(AGAIN)
        self._let_in(entry)
        await self._node.wait_lost(entry.ref)
        self._take_out(entry.card.name, "is lost")

    async def _measure(self, entry: _Entry) -> None:
        """The round trip and the bandwidth, by two echoes. The loop's own clock may stand still for a millisecond."""
        with deadline(PATIENCE):
            begun = time.perf_counter()
            await entry.ref.probe(np.zeros(1, np.uint8))
            entry.rtt = time.perf_counter() - begun
            begun = time.perf_counter()
            await entry.ref.probe(np.zeros(PROBE, np.uint8))
        entry.bandwidth = bandwidth(entry.rtt, time.perf_counter() - begun)

    def _let_in(self, entry: _Entry) -> None:
        card = entry.card
        # one tile more than it computes at once, so that the next strip is there when a tile is done
        self._dispatch.add_worker(card.name, entry.ref, group_of(card), card.parallel + 1, card.speed)

    def _take_out(self, name: str, reason: str) -> None:
        del self._entries[name]
        self._log.warning("worker taken out", worker=name, reason=reason)
        self._dispatch.lose_worker(name, reason)

    def _group(self) -> str:
        return working_group({name: entry.card for name, entry in self._entries.items()}, self.calibration.group)

    def _peer(self, entry: _Entry) -> Peer:
        card = entry.card
        return Peer(
            host=card.host,
            host_cores=card.host_cores,
            parallel=card.parallel,
            ratio=card.speed / self.calibration.one_thread,
            rtt=entry.rtt,
            bandwidth=entry.bandwidth,
        )

    def _status(self, entry: _Entry) -> WorkerStatus:
        card = entry.card
        state, reason = self._dispatch.standing(card.name)
        waiting = why_waiting(card, self._group()) or ("" if entry.measured else "its link is being measured")
        in_flight, done = self._dispatch.counts(card.name)
        return WorkerStatus(
            name=card.name,
            state="waiting" if waiting else state,
            reason=waiting or reason,
            speed=card.speed,
            in_flight=in_flight,
            done=done,
            rtt=entry.rtt,
            bandwidth=entry.bandwidth,
        )


def bandwidth(rtt: float, took: float) -> float:
    """Bytes a second, from the seconds an empty echo and one of `PROBE` bytes took; finite on any clock."""
    return 2 * PROBE / max(took - rtt, took / 2, TICK)
