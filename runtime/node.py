"""A node: actors, the links to other nodes, and an orderly end.

Usable as it is, without any configuration: `async with Node() as node: ref = await node.spawn(Tally)`.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import secrets
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar, cast

import structlog

from runtime.actor import Actor, Options, options_type
from runtime.auth import Auth
from runtime.budget import Budget
from runtime.cell import Cell
from runtime.deadline import Sweep
from runtime.errors import NoSuchActor
from runtime.exits import SIGNALLED, Exit
from runtime.mailbox import MailboxPolicy
from runtime.ref import make_ref, target_of
from runtime.statistics import ChildStatistics, NodeState, NodeStatistics
from runtime.supervisor import RestartPolicy
from runtime.wire.links import Links, RemoteTarget

A = TypeVar("A")
T = TypeVar("T")


class Node:
    """Hosts actors and keeps links.

    `links` maps a link's name to the address it dials; `listen` are addresses others may dial (`tcp://host:port`,
    `unix:PATH`, `memory:NAME`). `default_deadline`, `heartbeat` and `drain` are seconds, `body_budget` is the bytes
    of large bodies in memory at once. Listening unsafely raises ValueError, a busy address OSError, at the start.
    """

    def __init__(
        self,
        name: str = "node",
        *,
        listen: Sequence[str] = (),
        links: Mapping[str, str] | None = None,
        auth: Auth | None = None,
        default_deadline: float = 30.0,
        heartbeat: float = 1.0,
        drain: float = 10.0,
        body_budget: int = 1 << 30,
        executor_threads: int | None = None,
    ) -> None:
        self.name = name
        self.instance = secrets.token_hex(8)
        self.default_deadline = default_deadline
        self.heartbeat = heartbeat
        self.auth = auth or Auth()
        self.budget = Budget(body_budget)
        self.sweep = Sweep()
        self.links = Links(self, listen, links or {})
        self.cells: dict[str, Cell] = {}
        self.children: Callable[[], tuple[ChildStatistics, ...]] = tuple  # set by whoever starts child processes
        self.loop_lag: Callable[[], float] = float  # set by the watchdog, where one runs
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("brume").bind(node=name)
        self.drain_seconds = drain
        self._threads = executor_threads or os.cpu_count() or 1
        self._executor: ThreadPoolExecutor | None = None
        self._slots: asyncio.Semaphore | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in the order they were made
        self._readiness: dict[str, Callable[[], str | None]] = {}
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._stop_asked: asyncio.Event | None = None
        self._failure: str | None = None
        self._state: NodeState = "starting"
        self.stopping = False  # while it drains: accepted work goes on, new work is refused

    async def __aenter__(self) -> Self:
        self._stop_asked = asyncio.Event()
        try:
            await self.links.start()
        except BaseException:
            await self.stop()
            raise
        self._state = "ready"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # -- actors

    async def spawn(
        self,
        cls: type[A],
        options: Options | None = None,
        *,
        name: str | None = None,
        mailbox: MailboxPolicy | None = None,
        concurrency: int | None = None,
        restart: RestartPolicy | None = None,
        optional: bool = False,
    ) -> A:
        """Start an actor (named after its class unless `name` is given) and wait until its `start()` is done.

        Raises what `start()` raised, ValueError for a name already in use.
        """
        actor = cast(type[Actor[Any]], cls)
        name = name or actor.__name__.lower()
        if name in self.cells or "/" in name:
            raise ValueError(f"an actor named {name!r} cannot be added: the name is in use or holds a slash")
        cell = Cell(
            self, name, actor, options if options is not None else options_type(actor)(),
            mailbox=mailbox, concurrency=concurrency, restart=restart, optional=optional,
        )  # fmt: skip
        self.cells[name] = cell
        try:
            await cell.begin()
        except BaseException:
            del self.cells[name]
            await cell.end()
            raise
        return cast(A, cell.ref)

    def ref(self, cls: type[A], address: str) -> A:
        """A ref to `actor` on this node or `link/actor` behind a link; it need not exist yet."""
        link, _, actor = address.rpartition("/")
        if not link:
            cell = self.cells.get(actor)
            return cast(A, cell.ref) if cell is not None else make_ref(cls, _Later(self, actor))
        return make_ref(cls, RemoteTarget(self.links, link, actor))

    async def offload(self, function: Callable[..., T], *args: Any) -> T:
        """Run CPU work on the executor; at most one call a thread is handed over, the rest wait here."""
        if self._executor is None or self._slots is None:
            self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="brume")
            self._slots = asyncio.Semaphore(self._threads)
        async with self._slots:
            work = asyncio.get_running_loop().run_in_executor(self._executor, function, *args)
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                # a thread cannot be interrupted: the slot stays taken until the work has really ended
                await asyncio.wait([work])
                raise

    def spawn_task(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """A task of the runtime's own, outside any ask's scope, kept referenced until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name, context=contextvars.Context())
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    # -- links

    @property
    def addresses(self) -> list[str]:
        """Where this node really listens: `tcp://127.0.0.1:0` shows the port it got."""
        return self.links.addresses

    async def wait_linked(self, link: str) -> None:
        """Wait until the link (or the peer of that name) is up."""
        await self.links.wait_up(link)

    async def wait_lost(self, ref: object) -> None:
        """Wait until the link `ref` goes over is lost; at once when it is down, never for a ref on this node."""
        target = target_of(ref)
        if not isinstance(target, RemoteTarget):
            await asyncio.get_running_loop().create_future()
            return
        await self.links.wait_lost(target.link)

    # -- health

    def add_readiness(self, name: str, check: Callable[[], str | None]) -> None:
        """Let something beside the actors hold readiness back: `check()` gives a reason, or None."""
        self._readiness[name] = check

    def readiness(self) -> dict[str, str]:
        """Why the node is not ready, by name; empty when it is. Optional actors do not count."""
        reasons = {name: reason for name, check in self._readiness.items() if (reason := check())}
        for cell in self.cells.values():
            reason = cell.readiness()
            if reason and not cell.optional:
                reasons[cell.name] = reason
        if self._state != "ready":
            reasons[self.name] = self._state
        return reasons

    def statistics(self) -> NodeStatistics:
        """A snapshot of actors, links and memory."""
        state: NodeState = "not ready" if self._state == "ready" and self.readiness() else self._state
        return NodeStatistics(
            self.name, self.instance, state,
            tuple(cell.statistics() for cell in self.cells.values()), self.links.statistics(),
            self.budget.used, self.budget.limit, self.children(), self.loop_lag(),
        )  # fmt: skip

    def fail(self, reason: str) -> None:
        """An actor's failure takes the node down; `serve` returns 70."""
        self._failure = reason
        if self._stop_asked is not None:
            self._stop_asked.set()

    # -- the end

    async def serve(self) -> int:
        """Run until SIGTERM or SIGINT, or until a failure escalates; then drain. Gives the exit code.

        A second signal stops at once.
        """
        assert self._stop_asked is not None, "serve() needs a started node: use `async with`"
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        try:
            await self._stop_asked.wait()
            await self.stop()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        return Exit.INTERNAL if self._failure else Exit.DONE

    def _signalled(self, number: int) -> None:
        assert self._stop_asked is not None
        if self._stop_asked.is_set():
            self._log.warning("second signal, stopping at once")
            os._exit(SIGNALLED + number)
        self._log.info("signal received, draining", signal=signal.Signals(number).name)
        self._stop_asked.set()

    def on_stop(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have `close` awaited when accepted work is finished and before the actors stop; last added, first called."""
        self._closers.append(close)

    async def stop(self) -> None:
        """Refuse new work, finish what was accepted within the drain time, stop actors in reverse order, hang up."""
        if self.stopping:
            return
        self.stopping, self._state = True, "draining"
        self.links.say_goodbye()
        await self._finish_accepted()
        for close in reversed(self._closers):
            await close()
        for cell in reversed(list(self.cells.values())):
            await cell.end()
        await self.links.stop()
        self.sweep.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    async def _finish_accepted(self) -> None:
        waits = [self.spawn_task(cell.drained(), name=f"drain {cell.name}") for cell in self.cells.values()]
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=self.drain_seconds)
        for task in late:
            task.cancel()
        if late:
            self._log.warning("gave up on unfinished work", actors=len(late), seconds=self.drain_seconds)
            await asyncio.wait(late)


class _Later:
    """A ref's target on this node before the actor is spawned: looked up at each use."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self.address = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Later | Cell) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    async def ask(self, *args: Any) -> Any:
        return await self._cell().ask(*args)

    async def tell(self, *args: Any) -> None:
        await self._cell().tell(*args)

    def _cell(self) -> Cell:
        cell = self._node.cells.get(self.address)
        if cell is None:
            raise NoSuchActor(f"{self._node.name} has no actor {self.address!r}")
        return cell
