"""One actor's life on a node: its mailbox, its turns, its failures and restarts.

The shell around the pure parts: `mailbox` says what fits, `supervisor.decide` what follows a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

import structlog

from runtime.actor import Actor, Options, Place, op
from runtime.deadline import OUTSIDE, SCOPE
from runtime.errors import ActorFailed, ActorStopped, Overloaded, WouldDeadlock, as_asker_sees
from runtime.mailbox import LocalAsk, Mailbox, MailboxPolicy, Message, Tell
from runtime.ref import make_ref
from runtime.statistics import ActorState, ActorStatistics
from runtime.supervisor import GiveUp, RestartPolicy, decide

if TYPE_CHECKING:
    from runtime.node import Node

_SMALL = frozenset({int, float, bool, str, NoneType})


class Cell:
    """Hosts the instances of one actor, one after the other; the mailbox outlives them."""

    def __init__(
        self,
        node: Node,
        name: str,
        cls: type[Actor[Any]],
        options: Options,
        *,
        mailbox: MailboxPolicy | None,
        concurrency: int | None,
        restart: RestartPolicy | None,
        optional: bool,
    ) -> None:
        self.node = node
        self.name = name
        self.cls = cls
        self.optional = optional
        self.address = name
        self.mailbox = Mailbox(mailbox or cls.mailbox, self._notice_idle)
        self.ref: Any = make_ref(cls, self)
        self.instance: Actor[Any] | None = None
        self._options = options
        self._concurrency = concurrency or cls.concurrency
        self._policy = restart or RestartPolicy()
        self._identity = f"{node.instance}/{name}"
        self._alone = (self._identity,)
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("brume").bind(actor=name)
        self._state: ActorState = "starting"
        self._reason: str | None = None
        self._failures: deque[float] = deque(maxlen=self._policy.max_restarts + 1)
        self._failed: asyncio.Future[Exception] | None = None
        self._fallen = False
        self._pumps: list[asyncio.Task[None]] = []
        self._life: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._handled = self._errors = self._dead = self._restarts = 0
        self._seconds = 0.0

    # -- asking and telling (the Target of a local ref)

    async def ask(
        self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Place | None = None
    ) -> Any:
        """Wait for the handler's outcome within the deadline in force."""
        outer = SCOPE.get()
        if self._identity in outer.chain:
            raise WouldDeadlock(f"{self.name}.{operation.name} was asked from within its own call chain")
        loop = asyncio.get_running_loop()
        when = outer.deadline
        if when is None:
            when = loop.time() + self.node.default_deadline
        answer: asyncio.Future[Any] = loop.create_future()
        message = LocalAsk(
            op=operation.name,
            handler=partial(operation.function, **kwargs) if kwargs else operation.function,
            args=args,
            size=_size(args, kwargs),
            deadline=when,
            chain=(*outer.chain, self._identity) if outer.chain else self._alone,
            trace=None if outer is OUTSIDE else outer.lineage(),
            answer=answer,
        )
        self.accept(message, nested=bool(outer.chain))
        sweep = self.node.sweep
        sweep.watch(message, when)
        try:
            return await answer
        except asyncio.CancelledError:
            message.cancel(ActorStopped("the asker went away", executed="unknown"))
            if answer.done() and not answer.cancelled():
                answer.exception()  # nobody is left to see it
            raise
        finally:
            sweep.forget(message)

    async def tell(self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Leave a message; wait for room at most the node's default, then Overloaded."""
        outer = SCOPE.get()
        message = Tell(
            op=operation.name,
            handler=partial(operation.function, **kwargs) if kwargs else operation.function,
            args=args,
            size=_size(args, kwargs),
            trace=None if outer is OUTSIDE else outer.lineage(),
        )
        if not self.accept(message, nested=bool(outer.chain)):
            await self._admitted(message, outer.deadline)

    async def _admitted(self, message: Tell, deadline: float | None) -> None:
        loop = asyncio.get_running_loop()
        admitted = message.admitted = loop.create_future()
        patience = self.node.default_deadline
        if deadline is not None:
            patience = min(patience, max(0.0, deadline - loop.time()))
        try:
            await asyncio.wait_for(admitted, patience)
        except TimeoutError:
            raise Overloaded(f"{self.name} had no room for {message.op} in {patience:g} s") from None
        finally:
            if not admitted.done() or admitted.cancelled():
                message.state = "ended"
                self.mailbox.withdraw(message)

    def accept(self, message: Message, *, nested: bool = False) -> bool:
        """Put a message in the mailbox; False if it waits for room.

        While the node drains, only work that accepted work asks for (`nested`) is let in.
        """
        if self.node.stopping and not nested:
            raise ActorStopped(f"{self.node.name} is stopping")
        return self.mailbox.offer(message)

    # -- life

    async def begin(self) -> None:
        """Start the first instance; its error is the caller's."""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = self.node.spawn_task(self._live(started), name=f"actor {self.name}")
        await started

    async def _live(self, started: asyncio.Future[None]) -> None:
        while True:
            failure = await self._one_life(started)
            now = asyncio.get_running_loop().time()
            self._failures.append(now)
            decision = decide(self._policy, tuple(self._failures), now, random.random())
            if isinstance(decision, GiveUp):
                self._give_up(decision, failure)
                return
            self._state, self._reason = "restarting", f"{type(failure).__name__}: {failure}"
            self._log.warning("actor failed, restarting", delay=round(decision.delay, 3), exc_info=failure)
            await asyncio.sleep(decision.delay)
            self._restarts += 1

    async def _one_life(self, started: asyncio.Future[None]) -> Exception:
        """From start to the failure that ends the instance."""
        loop = asyncio.get_running_loop()
        instance = self.instance = self._make()
        tasks: list[asyncio.Task[None]] = []
        self._failed, self._fallen = loop.create_future(), False
        try:
            await instance.start()
            self._state, self._reason = "ready", None
            if not started.done():
                started.set_result(None)
            self._pumps = [self._task(self._pump(instance), "turns") for _ in range(self._concurrency)]
            tasks = [*self._pumps, self._task(self._guard(instance.run), "run")]
            return await self._failed
        except Exception as error:
            if not started.done():
                started.set_exception(error)
                raise asyncio.CancelledError from error
            return error
        finally:
            await _cancel(tasks)
            self._pumps = []
            await self._let_go(instance)

    def _task(self, coroutine: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        return self.node.spawn_task(coroutine, name=f"{what} {self.name}")

    def _make(self) -> Actor[Any]:
        instance = self.cls()
        instance.options = self._options
        instance.name = self.name
        instance.node = self.node
        instance.me = self.ref
        instance.log = self._log
        return instance

    async def _let_go(self, instance: Actor[Any]) -> None:
        try:
            await instance.stop()
        except Exception:
            self._log.exception("actor's stop failed")

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failed is not None and not self._fallen:
            self._fallen = True
            self._failed.set_result(error)

    def _give_up(self, decision: GiveUp, failure: Exception) -> None:
        self._state, self._reason = "failed", f"gave up after {decision.failures} failures; last: {failure}"
        self._log.error("actor gave up", failures=decision.failures, exc_info=failure)
        self.instance = None
        self.mailbox.close(lambda: ActorFailed(f"{self.name} {self._reason}"))
        self.mailbox.fail_all(lambda: ActorFailed(f"{self.name} {self._reason}"))
        if decision.escalate == "node":
            self.node.fail(f"{self.name} {self._reason}")

    # -- turns

    async def _pump(self, instance: Actor[Any]) -> None:
        """Handle messages one at a time; `concurrency` pumps share the mailbox."""
        task = asyncio.current_task()
        assert task is not None
        loop, mailbox = asyncio.get_running_loop(), self.mailbox
        time = loop.time
        busy_since = time()
        while not self._fallen:  # a failed instance takes no further turn
            message = mailbox.take()
            if message is None:
                self._seconds += time() - busy_since
                waiter: asyncio.Future[None] = loop.create_future()
                mailbox.wait(waiter)
                try:
                    await waiter
                except asyncio.CancelledError:
                    mailbox.pass_on(waiter)
                    raise
                busy_since = time()
                continue
            message.state, message.task = "running", task
            SCOPE.set(message)
            try:
                message.succeed(await message.handler(instance, *message.args))
            except asyncio.CancelledError:
                if not message.was_cancelled() or task.uncancel() > 0:
                    message.settle(ActorStopped(f"{self.name} stopped during {message.op}", executed="unknown"))
                    raise
            except Exception as error:
                self._failure(message, error)
            finally:
                message.task, message.args = None, ()  # the scope may outlive the turn; its arguments must not
                self._handled += 1
            if message.was_cancelled() and task.cancelling():
                await self._absorb(task)

    async def _absorb(self, task: asyncio.Task[Any]) -> None:
        """A handler that ended in spite of its cancellation must not pass it on to the next message."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        if task.uncancel() > 0:
            raise asyncio.CancelledError

    def _failure(self, message: Message, error: Exception) -> None:
        self._errors += 1
        if message.wants_answer:
            message.settle(as_asker_sees(error))
            return
        self._dead += 1
        message.state = "ended"
        self._log.error("dead letter", op=message.op, trace=str(message.lineage()), exc_info=error)
        self._fail(error)

    # -- the end

    async def drained(self) -> None:
        """Wait until the actor finished its own drain and no message is left or running."""
        if self.instance is not None and self._state == "ready":
            await self.instance.drain()
        while self._state != "failed" and (self._busy() or len(self.mailbox)):
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle

    def _busy(self) -> int:
        """Handlers that run: pumps that do not wait for a message."""
        return len(self._pumps) - self.mailbox.idle

    def _notice_idle(self) -> None:
        if self._idle is None or self._idle.done():  # nearly always: it is called each time a pump finds nothing to do
            return
        if not self._busy() and not len(self.mailbox):
            self._idle.set_result(None)

    async def end(self) -> None:
        """Stop now: running handlers are cancelled, waiting messages end in ActorStopped."""
        self.mailbox.close(lambda: ActorStopped(f"{self.name} is stopped"))
        if self._life is not None:
            await _cancel([self._life])
        lost = self.mailbox.fail_all(lambda: ActorStopped(f"{self.name} is stopped"))
        if lost:
            self._log.warning("gave up on waiting messages", messages=lost)
        self._state, self.instance = "stopped", None

    # -- for people

    def readiness(self) -> str | None:
        """None when ready, else why not."""
        if self._state == "ready" and self.instance is not None:
            return self.instance.readiness()
        return self._reason or self._state

    def statistics(self) -> ActorStatistics:
        """A snapshot."""
        reason = self.readiness()
        state: ActorState | Literal["not ready"] = "not ready" if self._state == "ready" and reason else self._state
        measured = self.instance.measurements() if self.instance is not None and self._state == "ready" else ()
        return ActorStatistics(
            self.name, f"{self.cls.__module__}:{self.cls.__qualname__}", state, reason, self.optional,
            len(self.mailbox), self.mailbox.bytes, self._busy(), self._handled, self._errors, self._dead,
            self._restarts, self._seconds, tuple(measured),
        )  # fmt: skip


def _size(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of bodies among the arguments: what a mailbox counts."""
    size = 0
    for value in (*args, *kwargs.values()) if kwargs else args:
        if type(value) in _SMALL:
            continue
        size += getattr(value, "nbytes", 0) or (len(value) if isinstance(value, bytes) else 0)
    return size


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
