"""An event loop with virtual time and a seeded schedule, on which unmodified asyncio code runs.

Time moves only when nothing is ready, straight to the next timer. What is ready at once runs in an order drawn from
the seed. Every callback belongs to a host (a context variable inherited by tasks), and hosts can be frozen or killed.
The network between hosts is `simnet`; the test decorator is `simulate`.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.simnet import Network

HOST: ContextVar[str] = ContextVar("simulated_host", default="main")


class Stuck(Exception):
    """The program can make no progress, or made none within the virtual time it was given."""


class SimLoop(asyncio.BaseEventLoop):
    """One seeded run. `limit` is in virtual seconds."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _timer_cancelled_count: int
    _stopping: bool
    _clock_resolution: float

    def __init__(self, seed: int, limit: float = 1000.0) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.trace: list[str] | None = None
        self.errors: list[dict[str, Any]] = []
        self.tasks: dict[asyncio.Task[Any], str] = {}
        self.network: Network
        self._now = self._start = 1000.0 + self.random.random()
        self._limit = limit
        self._frozen: dict[str, list[asyncio.Handle]] = {}
        self._clock_resolution = 1e-9
        self.set_debug(False)
        self.set_exception_handler(lambda _, context: self.errors.append(context))

    # hosts ---------------------------------------------------------------------------------------------------------

    def freeze(self, host: str) -> None:
        """From now on nothing of this host runs: neither its callbacks nor its timers."""
        self._frozen.setdefault(host, [])

    def thaw(self, host: str) -> None:
        """The host runs again, everything overdue first."""
        self._ready.extend(self._frozen.pop(host, []))

    def thaw_all(self) -> None:
        """Every host runs again."""
        for host in list(self._frozen):
            self.thaw(host)

    def pending(self, host: str | None = None) -> list[asyncio.Task[Any]]:
        """Unfinished tasks in the order they were made; of one host if given."""
        return [task for task, owner in self.tasks.items() if host in (None, owner)]

    def timers(self) -> dict[asyncio.TimerHandle, str]:
        """Timers that will still fire, and whose they are."""
        return {handle: _host(handle) for handle in self._scheduled if not handle.cancelled()}

    # what asyncio calls --------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        host = HOST.get()
        if context is not None and HOST not in context:
            context.run(HOST.set, host)  # even a task in a fresh context belongs to its maker's host
        task = super().create_task(coro, name=None if name is None else str(name), context=context)
        self.tasks[task] = host if context is None else context[HOST]
        task.add_done_callback(lambda ended: self.tasks.pop(ended, None))
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """`func` runs inline, after a seeded delay; like a thread it does not notice that nobody waits any more."""
        future: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            try:
                value = func(*args)
            except Exception as error:
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(value)

        self.call_later(self.random.uniform(0.0, 0.02), work)
        return future

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        _refuse_ssl(options)
        return await self.network.connect(protocol_factory, f"tcp:{port}")

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        _refuse_ssl(options)
        return self.network.listen(protocol_factory, "tcp", port)

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **options: Any) -> Any:
        _refuse_ssl(options)
        return await self.network.connect(protocol_factory, f"unix:{path}")

    async def create_unix_server(self, protocol_factory: Any, path: Any = None, **options: Any) -> Any:
        _refuse_ssl(options)
        return self.network.listen(protocol_factory, "unix", path)

    def _write_to_self(self) -> None:
        """`call_soon_threadsafe` needs no wake-up: this loop never sleeps."""

    def _run_once(self) -> None:
        self._collect_timers()
        batch = list(self._ready)
        self._ready.clear()
        for handle in self._shuffled(batch):
            if handle.cancelled():
                continue
            host = _host(handle)
            if host in self._frozen:
                self._frozen[host].append(handle)
                continue
            if self.trace is not None:
                self.trace.append(f"{self._now:.9f} {host} {_label(handle)}")
            handle._run()

    def _collect_timers(self) -> None:
        """Move due timers to the ready queue; with nothing ready, jump to the next timer first."""
        while self._scheduled and self._scheduled[0].cancelled():
            self._drop_timer()
            self._timer_cancelled_count -= 1
        if not self._ready and not self._stopping:
            if not self._scheduled:
                raise Stuck(f"nothing is scheduled, yet these wait: {self.pending()}")
            self._now = max(self._now, self._scheduled[0].when())
            if self._now - self._start > self._limit:
                raise Stuck(f"still running after {self._limit:g} virtual seconds: {self.pending()}")
        while self._scheduled and self._scheduled[0].when() <= self._now:
            self._ready.append(self._drop_timer())

    def _drop_timer(self) -> asyncio.TimerHandle:
        handle = heapq.heappop(self._scheduled)
        handle._scheduled = False  # type: ignore[attr-defined]
        return handle

    def _shuffled(self, batch: list[asyncio.Handle]) -> Iterator[asyncio.Handle]:
        """Any order the seed likes, but callbacks of one object stay in theirs, as protocols rely on."""
        queues: dict[int, deque[asyncio.Handle]] = {}
        for handle in batch:
            queues.setdefault(_owner(handle), deque()).append(handle)
        turns = [owner for owner, queue in queues.items() for _ in queue]
        self.random.shuffle(turns)
        for owner in turns:
            yield queues[owner].popleft()


@contextmanager
def on_host(name: str) -> Iterator[None]:
    """Nodes, tasks, listeners and connections made inside belong to this host."""
    token = HOST.set(name)
    try:
        yield
    finally:
        HOST.reset(token)


def _refuse_ssl(options: dict[str, Any]) -> None:
    if options.get("ssl") is not None:
        raise NotImplementedError("the simulated network has no TLS; the contract suite covers it")


def _host(handle: asyncio.Handle) -> str:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(HOST, "main")


def _callback(handle: asyncio.Handle) -> Any:
    return handle._callback  # type: ignore[attr-defined]


def _owner(handle: asyncio.Handle) -> int:
    owner = getattr(_callback(handle), "__self__", None)
    return id(handle if owner is None else owner)


def _label(handle: asyncio.Handle) -> str:
    callback = _callback(handle)
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", owner))
    return str(getattr(callback, "__qualname__", type(callback).__name__))
