"""A queue file against a plain model: whatever is asked in whatever order, at whatever time, both agree."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actors.kit.queues.base import Answer, Depth, Draft, Message, ReceiptStale, Redrive, Settlement
from actors.kit.queues.sqlite.broker import SqliteQueue
from tests.support.campaign import examples
from tests.support.machine import Machine

T = TypeVar("T")
MAX_RECEIVES = 3
SECOND = 1_000_000
SECONDS = st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0, 30.0])


@dataclass
class Kept:
    """A message of the model; `receipt` is None while nobody was given it."""

    id: str
    body: str
    visible: int
    born: int
    number: int
    receives: int = 0
    receipt: str | None = None


@dataclass
class Model:
    """Queues as lists. `now` in µs."""

    now: int = 0
    count: int = 0
    queues: dict[str, list[Kept]] = field(default_factory=lambda: {"lab2": [], "lab2_1": [], "dead": []})

    def send(self, queue: str, id_: str, body: str) -> None:
        self.count += 1
        self.queues[queue].append(Kept(id_, body, self.now, self.now, self.count))

    def take(self, limit: int, visibility: float) -> list[Kept]:
        """What is handed out next, dead letters set aside."""
        given: list[Kept] = []
        by_turn = sorted(self.queues["lab2"], key=lambda kept: (kept.visible, kept.born, kept.number))
        for kept in [kept for kept in by_turn if kept.visible <= self.now]:
            if len(given) == limit:
                break
            if kept.receives >= MAX_RECEIVES:
                self._bury(kept)
            else:
                kept.receives += 1
                kept.visible = max(self.now + int(visibility * SECOND), self.now + 1)
                given.append(kept)
        return given

    def find(self, receipt: str) -> Kept | None:
        return next((kept for kept in self.queues["lab2"] if kept.receipt == receipt), None)

    def depth(self, queue: str) -> Depth:
        waiting = [kept.born for kept in self.queues[queue] if kept.visible <= self.now]
        hidden = len(self.queues[queue]) - len(waiting)
        return Depth(len(waiting), hidden, (self.now - min(waiting)) / SECOND if waiting else None)

    def _bury(self, kept: Kept) -> None:
        self.queues["lab2"].remove(kept)
        kept.visible, kept.receives, kept.receipt = self.now, 0, None
        self.queues["dead"].append(kept)


class QueueFileAgrees(RuleBasedStateMachine):
    """Drives both; `receipts` holds every message ever handed out, so most of them are stale."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.machine, self.model = Machine(), Model()
        self.receipts: list[Message] = []
        self.open()

    def open(self) -> None:
        self.broker = self.machine.broker(self.folder / "queue.db")
        redrive = Redrive("dead", MAX_RECEIVES)
        self.queues = {
            name: self.run(self.broker.queue(name, redrive if name == "lab2" else None)) for name in self.model.queues
        }

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def queue(self) -> SqliteQueue:
        return self.queues["lab2"]

    @rule(bodies=st.lists(st.text("aé🙂 1\n", min_size=1, max_size=5), max_size=4))
    def send(self, bodies: list[str]) -> None:
        for id_, body in zip(self.run(self.queue.send([Draft(body) for body in bodies])), bodies, strict=True):
            assert isinstance(id_, str)
            self.model.send("lab2", id_, body)

    @rule(limit=st.integers(1, 10), visibility=SECONDS)
    def receive(self, limit: int, visibility: float) -> None:
        messages = self.run(self.queue.receive(limit, visibility=visibility))
        expected = self.model.take(limit, visibility)
        assert [(m.id, m.body, m.receives) for m in messages] == [(k.id, k.body, k.receives) for k in expected]
        for message, kept in zip(messages, expected, strict=True):
            kept.receipt = message.receipt
        self.receipts += messages

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), answers=st.lists(st.text("xyz", min_size=1, max_size=2), max_size=2))
    def settle(self, data: st.DataObject, answers: list[str]) -> None:
        message = data.draw(st.sampled_from(self.receipts[-6:]))
        done = Settlement(message, tuple(Answer("lab2_1", Draft(answer)) for answer in answers))
        (outcome,) = self.run(self.queue.settle([done]))
        kept = self.model.find(message.receipt)
        assert isinstance(outcome, ReceiptStale) if kept is None else outcome is None
        if kept is not None:
            self.model.queues["lab2"].remove(kept)
            for answer in answers:
                self.model.send("lab2_1", "", answer)

    @precondition(lambda self: self.receipts)
    @rule(data=st.data(), seconds=SECONDS, released=st.booleans())
    def hide(self, data: st.DataObject, seconds: float, released: bool) -> None:
        message = data.draw(st.sampled_from(self.receipts[-6:]))
        call = self.queue.release([message], delay=seconds) if released else self.queue.extend([message], seconds)
        (outcome,) = self.run(call)
        kept = self.model.find(message.receipt)
        assert isinstance(outcome, ReceiptStale) if kept is None else outcome is None
        if kept is not None:
            kept.visible = self.model.now + int(seconds * SECOND)
            if released:
                kept.receives, kept.receipt = kept.receives - 1, None

    @rule(seconds=SECONDS)
    def pass_time(self, seconds: float) -> None:
        self.machine.pass_time(seconds)
        self.model.now += int(seconds * SECOND)

    @rule(wall=st.floats(-1e9, 4e9))
    def jump(self, wall: float) -> None:
        self.machine.wall = wall

    @rule(reboot=st.booleans(), uptime=st.integers(0, 10**14))
    def restart(self, reboot: bool, uptime: int) -> None:
        if reboot:
            self.send(["the last that was seen"])
        self.run(self.broker.close())
        if reboot:
            self.machine.reboot(uptime)
        self.open()

    @invariant()
    def depths_agree(self) -> None:
        for name, queue in self.queues.items():
            assert self.run(queue.depth()) == self.model.depth(name)

    def teardown(self) -> None:
        self.run(self.broker.close())
        self.runner.close()
        shutil.rmtree(self.folder)


def test_a_queue_file_agrees_with_a_plain_model() -> None:
    run_state_machine_as_test(
        QueueFileAgrees, settings=settings(max_examples=examples(25), stateful_step_count=30, deadline=None)
    )
