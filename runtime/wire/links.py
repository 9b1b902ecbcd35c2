"""A node's links: listeners that let peers in, diallers that keep theirs up, the pulse that notices silence."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import structlog

from runtime.actor import Place, op
from runtime.deadline import SCOPE
from runtime.errors import BrumeError, NameTaken, NoSuchActor, PeerLost, ProtocolError, Unauthorized
from runtime.statistics import LinkStatistics
from runtime.wire import endpoints, handshake
from runtime.wire.session import Session

if TYPE_CHECKING:
    from runtime.cell import Cell
    from runtime.node import Node

HANDSHAKE_SECONDS = 5.0
STRANGERS = 64  # connections that may be unproven at once; one more and the oldest goes
TICKS = 4  # a heartbeat
BACKOFF, BACKOFF_MAX = 0.05, 5.0
FLUSH_SECONDS = 2.0


class Dialler:
    """A configured link: where it leads, and why it is down when it is."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.session: Session | None = None
        self.refusal: Exception | None = None


class Door(handshake.Admission):
    """One connection's admission: the name stays reserved until the door is closed, session or not."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._name: str | None = None

    def refuse(self, name: str, instance: str) -> str | None:
        """Hold the name for a peer, or say who has it; the same instance may replace its own dead connection."""
        if self._links.holder(name) not in (None, instance):
            here = self._links.node.name
            return f"another node named {name!r} is linked to {here}; give this one another node.name"
        self._name = name
        self._links.admitting[name] = instance
        return None

    def close(self) -> None:
        """The connection became a session, or will never be one."""
        if self._name is not None:
            self._links.admitting.pop(self._name, None)


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

    async def ask(
        self, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Place | None = None
    ) -> Any:
        """The answer, once the link is up, within the deadline in force."""
        session = self._links.find(self.link) or await self._links.reach(self.link)
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
        self._diallers = {name: Dialler(address) for name, address in dial.items()}
        self._accepted: dict[str, Session] = {}
        self.admitting: dict[str, str] = {}
        self._strangers: dict[asyncio.StreamWriter, None] = {}
        self._listeners: list[endpoints.Listener] = []
        self._up: dict[str, dict[asyncio.Future[None], None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._server_tls: ssl.SSLContext | None = None
        self._client_tls: ssl.SSLContext | None = None
        self._certificate = b""
        self.log: structlog.stdlib.BoundLogger = structlog.get_logger("brume").bind(node=node.name)

    # -- start and stop

    async def start(self) -> None:
        """Listen and begin to dial. ValueError for an unsafe listener, OSError for a busy one."""
        auth = self.node.auth
        for address in self._listen:
            if reason := auth.refuses(address):
                raise ValueError(reason)
        if auth.tls is not None:
            self._server_tls = auth.tls.context(server=True)
            self._client_tls = auth.tls.context(server=False)
            self._certificate = auth.tls.certificate()
        for address in self._listen:
            listener = await endpoints.listen(address, self._accept, self._server_tls)
            self._listeners.append(listener)
            self.addresses.append(listener.address)
        for name, dialler in self._diallers.items():
            self._tasks.append(self.node.spawn_task(self._keep_up(name, dialler), name=f"link {name}"))
        if self._listen or self._diallers:
            self._tasks.append(self.node.spawn_task(self._pulse(), name="pulse"))

    async def say_goodbye(self) -> None:
        """Stop listening and tell every peer that no new work is taken."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for writer in list(self._strangers):
            writer.transport.abort()
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

    def local(self, name: str) -> Cell:
        """This node's actor of that name, or NoSuchActor."""
        cell = self.node.cells.get(name)
        if cell is None:
            raise NoSuchActor(f"{self.node.name} has no actor {name!r}")
        return cell

    async def reach(self, link: str) -> Session:
        """The session of a dialled link that is down just now: wait for it within the deadline in force.

        PeerLost when it does not come up, or is not a link of ours; Unauthorized when the peer refuses us.
        """
        dialler = self._diallers.get(link)
        if dialler is None:
            raise PeerLost(f"{link} is not linked to {self.node.name}", executed="no")
        if isinstance(dialler.refusal, Unauthorized):
            raise Unauthorized(str(dialler.refusal))
        loop = asyncio.get_running_loop()
        when = SCOPE.get().deadline
        patience = self.node.default_deadline if when is None else when - loop.time()
        try:
            async with asyncio.timeout(patience):
                await self.wait_up(link)
        except TimeoutError:
            why = f": {dialler.refusal}" if dialler.refusal else ""
            raise PeerLost(f"the link {link} to {dialler.address} is down{why}", executed="no") from None
        if isinstance(dialler.refusal, Unauthorized):
            raise Unauthorized(str(dialler.refusal))
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

    def _wake(self, link: str) -> None:
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

    # -- dialling

    async def _keep_up(self, name: str, dialler: Dialler) -> None:
        """Dial for ever: at once after a loss, then with growing, jittered pauses."""
        pause = BACKOFF
        while True:
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    session = await self._dial(name, dialler.address)
            except (OSError, EOFError, TimeoutError, BrumeError) as error:
                self._refused(name, dialler, error)
            else:
                pause, dialler.refusal = BACKOFF, None
                self.log.info("link up", link=name, peer=session.peer.name)
                reason = await session.lost
                self.log.info("link lost", link=name, peer=session.peer.name, reason=reason)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))
            pause = min(BACKOFF_MAX, pause * 2)

    def _refused(self, name: str, dialler: Dialler, error: Exception) -> None:
        if str(error) != str(dialler.refusal):
            self.log.warning("link down", link=name, address=dialler.address, reason=str(error) or type(error).__name__)
        dialler.refusal = error
        if isinstance(error, Unauthorized):
            self._wake(name)

    async def _dial(self, name: str, address: str) -> Session:
        reader, writer = await endpoints.dial(address, self._client_tls, self._serve_memory)
        try:
            peer = await handshake.dial(reader, writer, self._local(writer, dialled=True))
            _must_be_open(reader)
            session = Session(self, name, address, peer, dialled=True)
            session.connection.attach(writer)
        except BaseException:
            writer.transport.abort()
            raise
        self._diallers[name].session = session
        self._wake(name)
        return session

    def _serve_memory(self, accepting: Awaitable[None]) -> object:
        return self.node.spawn_task(cast(Coroutine[Any, Any, None], accepting), name="accept memory")

    # -- accepting

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A stranger's connection: prove itself in time, or be gone. Whatever happens, its socket is looked after."""
        self._make_room()
        self._strangers[writer] = None
        session: Session | None = None
        door = Door(self)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                peer = await handshake.accept(reader, writer, self._local(writer, dialled=False), door)
            session = Session(self, peer.name, _peer_address(writer), peer, dialled=False)
            self._welcome(session)
            session.connection.attach(writer)
        except (Unauthorized, NameTaken, ProtocolError) as error:
            self.log.warning("peer refused", peer=_peer_address(writer), reason=str(error))
        except (OSError, EOFError, TimeoutError) as error:
            self.log.debug("connection gave up", peer=_peer_address(writer), reason=type(error).__name__)
        finally:
            self._strangers.pop(writer, None)
            door.close()
            if session is None:
                writer.close()

    def _make_room(self) -> None:
        while len(self._strangers) >= STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.transport.abort()

    def holder(self, name: str) -> str | None:
        """The instance that has the name: of a live session, or of one about to be."""
        known = self._accepted.get(name)
        return known.peer.instance if known is not None else self.admitting.get(name)

    def _welcome(self, session: Session) -> None:
        name = session.peer.name
        known = self._accepted.get(name)
        if known is not None:
            known.connection.close("the peer dialled again")
        self._accepted[name] = session
        self._wake(name)
        if self.node.stopping:
            session.say_goodbye()

    def _local(self, writer: asyncio.StreamWriter, *, dialled: bool) -> handshake.Local:
        node = self.node
        tls = writer.get_extra_info("ssl_object")
        if tls is None:
            return handshake.Local(node.name, node.instance, node.auth.secrets())
        certificate = tls.getpeercert(binary_form=True) if dialled else self._certificate
        return handshake.Local(
            node.name, node.instance, node.auth.secrets(), certificate or b"", _names(tls.getpeercert())
        )

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


def _must_be_open(reader: asyncio.StreamReader) -> None:
    """A peer that hung up right after its handshake would go unnoticed by the next protocol."""
    if reader.at_eof():
        raise EOFError("closed right after the handshake")


def _peer_address(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return f"tcp://{name[0]}:{name[1]}" if isinstance(name, tuple) else "local"


def _names(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The names a verified certificate speaks for: its DNS alternatives and its common name."""
    if not certificate:
        return frozenset()
    alternatives = {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
    common = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return frozenset(alternatives | common)
