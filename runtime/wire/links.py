"""A node's links by name, dialled and accepted, and the pulse that notices silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import structlog

from runtime.actor import Place, op
from runtime.deadline import SCOPE
from runtime.errors import PeerLost
from runtime.statistics import LinkStatistics
from runtime.wire import endpoints
from runtime.wire.accepting import Acceptor
from runtime.wire.dialling import Dialler
from runtime.wire.identity import Identity
from runtime.wire.session import Session

if TYPE_CHECKING:
    from runtime.node import Node

TICKS = 4  # a heartbeat
FLUSH_SECONDS = 2.0


class RemoteTarget:
    """An actor behind a link."""

    def __init__(self, links: Links, link: str, actor: str) -> None:
        self._links = links
        self.link = link
        self.actor = actor

    @property
    def address(self) -> str:
        """`link/actor`."""
        return f"{self.link}/{self.actor}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteTarget) and (self.link, self.actor) == (other.link, other.actor)

    def __hash__(self) -> int:
        return hash((self.link, self.actor))

    def ask(
        self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Place | None = None
    ) -> Coroutine[Any, Any, Any]:
        """The answer, once the link is up, within the deadline in force."""
        session = self._links.find(self.link)
        if session is not None:
            return session.asking.ask(self.actor, operation, args, kwargs, place)
        return self._ask_later(operation, args, kwargs, place)

    async def _ask_later(
        self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Place | None
    ) -> Any:
        session = await self._links.reach(self.link)
        return await session.asking.ask(self.actor, operation, args, kwargs, place)

    async def tell(self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Handed to the link, once it is up."""
        session = self._links.find(self.link) or await self._links.reach(self.link)
        await session.asking.tell(self.actor, operation, args, kwargs)


class Links:
    """All links of a node, by the name refs use: a dialled link's own, an accepted peer's."""

    def __init__(self, node: Node, listen: Sequence[str], dial: Mapping[str, str]) -> None:
        self.node = node
        self.addresses: list[str] = []
        self._listen = tuple(listen)
        self._diallers = {name: Dialler(self, name, address) for name, address in dial.items()}
        self._accepted: dict[str, Session] = {}
        self.admitting: dict[str, str] = {}
        self._acceptor: Acceptor | None = None
        self._listeners: list[endpoints.Listener] = []
        self._up: dict[str, dict[asyncio.Future[None], None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger("brume").bind(node=node.name)

    # -- start and stop

    async def start(self) -> None:
        """Listen and begin to dial. ValueError for an unsafe listener, OSError for a busy one."""
        for address in self._listen:
            if reason := self.node.auth.refuses(address):
                raise ValueError(reason)
        identity = Identity(self.node)
        self._acceptor = Acceptor(self, identity)
        for address in self._listen:
            listener = await endpoints.listen(address, self._acceptor.accept, identity.server_tls)
            self._listeners.append(listener)
            self.addresses.append(listener.address)
        for name, dialler in self._diallers.items():
            self._tasks.append(self.node.spawn_task(dialler.keep_up(identity), name=f"link {name}"))
        if self._listen or self._diallers:
            self._tasks.append(self.node.spawn_task(self._pulse(), name="pulse"))

    def say_goodbye(self) -> None:
        """Stop listening and tell every peer that no new work is taken."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        if self._acceptor is not None:
            self._acceptor.close()
        for session in self.sessions():
            session.say_goodbye()

    async def stop(self) -> None:
        """Send what is queued, then hang up everywhere."""
        sessions = self.sessions()
        flushing = [self.node.spawn_task(session.connection.flushed(), name="flush") for session in sessions]
        if flushing:
            await asyncio.wait(flushing, timeout=FLUSH_SECONDS)
        for task in (*flushing, *self._tasks):
            task.cancel()
        for session in sessions:
            session.connection.close("this node stopped", abort=False)

    # -- finding

    def sessions(self) -> list[Session]:
        """Every live link."""
        dialled = [d.session for d in self._diallers.values() if d.session is not None]
        return dialled + list(self._accepted.values())

    def find(self, link: str) -> Session | None:
        """The live session of that name."""
        dialler = self._diallers.get(link)
        return dialler.session if dialler is not None else self._accepted.get(link)

    def target(self, link: str, actor: str) -> RemoteTarget:
        """A ref's target over that link."""
        return RemoteTarget(self, link, actor)

    async def reach(self, link: str) -> Session:
        """The session of a dialled link that is down just now: wait for it within the deadline in force.

        PeerLost when it does not come up, or is not a link of ours; Unauthorized when the peer refuses us.
        """
        dialler = self._diallers.get(link)
        if dialler is None:
            raise PeerLost(f"{link} is not linked to {self.node.name}", executed="no")
        dialler.check_allowed()
        loop = asyncio.get_running_loop()
        when = SCOPE.get().deadline
        patience = self.node.default_deadline if when is None else when - loop.time()
        try:
            async with asyncio.timeout(patience):
                await self.wait_up(link)
        except TimeoutError:
            why = f": {dialler.refusal}" if dialler.refusal else ""
            raise PeerLost(f"the link {link} to {dialler.address} is down{why}", executed="no") from None
        dialler.check_allowed()
        session = self.find(link)
        if session is None:
            raise PeerLost(f"the link {link} went down again", executed="no")
        return session

    async def wait_up(self, link: str) -> None:
        """Wait until the link or peer is up (or its dialler was refused for good reason)."""
        if self.find(link) is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiters = self._up.setdefault(link, {})
            waiters[waiter] = None
            try:
                await waiter
            finally:
                waiters.pop(waiter, None)

    async def wait_lost(self, link: str) -> None:
        """Wait until the live session of that name is lost; at once without one."""
        session = self.find(link)
        if session is not None:
            await asyncio.wait([session.lost])

    def wake(self, link: str) -> None:
        """The link is up, or refused for good: whoever waits for it looks again."""
        for waiter in self._up.pop(link, ()):
            if not waiter.done():
                waiter.set_result(None)

    def forget(self, session: Session) -> None:
        """A session was lost."""
        dialler = self._diallers.get(session.link)
        if dialler is not None and dialler.session is session:
            dialler.session = None
        if self._accepted.get(session.link) is session:
            del self._accepted[session.link]

    # -- what diallers and the acceptor need

    def serve_memory(self, accepting: Awaitable[None]) -> object:
        """Run the other end's accepting of a `memory:` connection."""
        return self.node.spawn_task(cast(Coroutine[Any, Any, None], accepting), name="accept memory")

    def holder(self, name: str) -> str | None:
        """The instance that has the name: of a live session, or of one about to be."""
        known = self._accepted.get(name)
        return known.peer.instance if known is not None else self.admitting.get(name)

    def welcome(self, session: Session) -> None:
        """A peer is in; its own earlier connection, if any, was dead."""
        name = session.peer.name
        known = self._accepted.get(name)
        if known is not None:
            known.connection.close("the peer dialled again")
        self._accepted[name] = session
        self.wake(name)
        if self.node.stopping:
            session.say_goodbye()

    # -- the pulse

    async def _pulse(self) -> None:
        """Tick every session. A loop that was itself late reads its sockets before it judges others."""
        loop = asyncio.get_running_loop()
        interval = self.node.heartbeat / TICKS
        while True:
            due = loop.time() + interval
            await asyncio.sleep(interval)
            late = loop.time() - due > interval
            for session in self.sessions():
                session.tick(judge=not late)

    # -- for people

    def statistics(self) -> tuple[LinkStatistics, ...]:
        """A snapshot of every link, those that are down included."""
        down = [
            LinkStatistics(
                name, None, None, d.address, "connecting", str(d.refusal) if d.refusal else None, 0, 0, 0
            )
            for name, d in self._diallers.items()
            if d.session is None
        ]  # fmt: skip
        up = [
            LinkStatistics(
                s.link, s.peer.name, s.peer.instance, s.address, "up", "stopping" if s.peer_stopping else None,
                s.connection.bytes_in, s.connection.bytes_out, len(s.asking),
            )
            for s in self.sessions()
        ]  # fmt: skip
        return (*up, *down)
