"""Child processes of a node: started, supervised, listened to and ended by it; none of them outlives it.

A child runs in a session of its own, so Ctrl-C for the node does not hit it, and holds the read end of a pipe, its
lifeline: when the node is gone, even by kill -9, the kernel closes the other end and the child ends itself.
What a child runs is the caller's: nothing here knows of roles or node files.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from structlog.stdlib import BoundLogger

from runtime.lifeline import GRACE
from runtime.output import forwarded_lines, parse_line
from runtime.statistics import ChildState, ChildStatistics
from runtime.supervisor import GiveUp, RestartPolicy, decide

USELESS_TO_RETRY: Final = {2: "it refused its arguments", 78: "it refused its configuration"}


@dataclass(frozen=True)
class ChildSpec:
    """One child. `argv` is its command, to which `--lifeline FD` is appended; FD goes to `watch_lifeline` over there.

    `missing` says why it cannot be started here; such a child is shown as "not installed" and nothing else happens.
    `environment` is added to ours, for what must not stand on a command line.
    """

    name: str
    argv: Sequence[str]
    optional: bool = False
    missing: str | None = None
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Children:
    """The children of this process, from `async with` to its end.

    A child that ends by itself, with whatever code, is started again as its policy says; one that refuses its
    arguments or configuration is given up at once. `escalate(reason)` is called when a child is given up whose policy
    takes the node along. Leaving waits up to `drain` seconds for the children to finish, then kills them with
    everything in their sessions; cancelling that wait kills them at once.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        log: BoundLogger,
        *,
        drain: float = 10.0,
        escalate: Callable[[str], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._drain = drain
        self._lifeline = -1, -1
        self._children = [_Child(spec, log, escalate or (lambda _: None), jitter) for spec in specs]

    async def __aenter__(self) -> Self:
        self._lifeline = os.pipe()
        for child in self._children:
            child.start(self._lifeline[0])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """SIGTERM to all, up to `drain` seconds for them to end, SIGKILL to those left. Idempotent."""
        try:
            await asyncio.gather(*(child.stop(self._drain) for child in self._children))
        finally:
            self.kill()
            self._close_lifeline()

    def kill(self) -> None:
        """End what still runs, at once and without drain."""
        for child in self._children:
            child.kill()

    def statistics(self) -> tuple[ChildStatistics, ...]:
        """A snapshot of every child, in the order they were given."""
        return tuple(child.statistics() for child in self._children)

    def readiness(self) -> str | None:
        """Why the node is not ready on account of its children: one it needs was given up. None: it is.

        A child on its way back does not count: the node goes on with the others meanwhile.
        """
        lost = [f"{child.name}: {child.reason}" for child in self.statistics() if _is_needed_and_lost(child)]
        return "; ".join(lost) or None

    def _close_lifeline(self) -> None:
        ends, self._lifeline = self._lifeline, (-1, -1)
        for end in ends:
            if end >= 0:
                os.close(end)


def _is_needed_and_lost(child: ChildStatistics) -> bool:
    return child.state == "failed" and not child.optional


class _Child:
    """One child through all its lives."""

    def __init__(
        self, spec: ChildSpec, log: BoundLogger, escalate: Callable[[str], None], jitter: Callable[[], float]
    ) -> None:
        self._spec = spec
        self._log = log.bind(child=spec.name)
        self._escalate = escalate
        self._jitter = jitter
        self._state: ChildState = "starting" if spec.missing is None else "not installed"
        self._reason = spec.missing
        self._restarts = 0
        self._failures: list[float] = []
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, lifeline: int) -> None:
        if self._spec.missing is not None:
            self._log.info("child not installed", reason=self._spec.missing)
            return
        self._task = asyncio.create_task(self._supervise(lifeline), name=f"child {self._spec.name}")

    def statistics(self) -> ChildStatistics:
        pid = None if self._process is None else self._process.pid
        return ChildStatistics(self._spec.name, pid, self._state, self._reason, self._spec.optional, self._restarts)

    async def stop(self, drain: float) -> None:
        self._stopping.set()
        if self._task is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._task], timeout=drain + GRACE)
        if not done:
            self._log.warning("gave up waiting for child, killing it", drain=drain)
            self.kill()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """SIGKILL to the child's whole session: its leader is not reaped yet, so the number is still its own."""
        self._stopping.set()
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _supervise(self, lifeline: int) -> None:
        while not self._stopping.is_set():
            reason = await self._live(lifeline)
            if self._stopping.is_set():
                break
            delay = self._after(reason)
            if delay is None:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
        self._state, self._reason = "stopped", None

    async def _live(self, lifeline: int) -> str | int:
        """Start the child and wait until it has ended: its exit code, or why it could not be started."""
        async with forwarded_lines(self._forward) as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._spec.argv, "--lifeline", str(lifeline),
                    stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                    start_new_session=True, pass_fds=[lifeline],
                    env=os.environ | {"PYTHONUNBUFFERED": "1", **self._spec.environment},
                )  # fmt: skip
            except OSError as error:
                return f"{self._spec.argv[0]}: {error.strerror or error}"
            finally:
                os.close(output)
            self._state, self._reason = "up", None
            self._log.info("child started", pid=self._process.pid)
            if self._stopping.is_set():
                self._signal(signal.SIGTERM)
            code = await self._process.wait()
            self._process = None
            return code

    def _after(self, end: str | int) -> float | None:
        """Seconds until the next life; None when there is none."""
        now = asyncio.get_running_loop().time()
        self._failures = [*self._failures[-self._spec.restart.max_restarts :], now]
        self._reason = describe_end(end)
        step = decide(self._spec.restart, self._failures, now, self._jitter())
        if isinstance(end, int) and end in USELESS_TO_RETRY:
            step = GiveUp(len(self._failures), self._spec.restart.escalate)
        if isinstance(step, GiveUp):
            self._state = "failed"
            self._log.error("child given up", reason=self._reason, failures=step.failures)
            if step.escalate == "node":
                self._escalate(f"child {self._spec.name} given up: {self._reason}")
            return None
        self._state = "restarting"
        self._restarts += 1
        self._log.warning("child ended, starting it again", reason=self._reason, delay=round(step.delay, 3))
        return step.delay

    def _forward(self, line: str) -> None:
        level, event, fields = parse_line(line)
        inner = fields.pop("child", None)
        log = self._log if inner is None else self._log.bind(child=f"{self._spec.name}/{inner}")
        log.log(level, event, **fields)


def describe_end(end: str | int) -> str:
    """An exit code, or the reason a start failed, in words."""
    if isinstance(end, str):
        return f"could not be started: {end}"
    if end < 0:
        return f"killed by {signal.Signals(-end).name}"
    return f"exit code {end}" + (f": {USELESS_TO_RETRY[end]}" if end in USELESS_TO_RETRY else "")
