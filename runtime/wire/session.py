"""One live link: a peer, its connection, and the two sides of the conversation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.errors import ProtocolError
from runtime.ref import Target, make_ref
from runtime.wire.asking import Asking
from runtime.wire.bodies import Bodies
from runtime.wire.codec import UNREADABLE, Decoder, Encoder
from runtime.wire.connection import Connection, Outgoing
from runtime.wire.frame import BULK, INLINE, Frame, Kind, encode
from runtime.wire.serving import Serving

if TYPE_CHECKING:
    from runtime.node import Node
    from runtime.wire.handshake import Peer
    from runtime.wire.links import Links

SILENCE = 2.5  # heartbeats without a byte before a peer is given up: noticed within three
IDLE = 0.5  # heartbeats without sending before a ping


class Session:
    """A link between two nodes from the handshake to its loss; `link` is the name refs over it use here."""

    def __init__(self, links: Links, link: str, address: str, peer: Peer, *, dialled: bool) -> None:
        self.link = link
        self.address = address
        self.peer = peer
        self.dialled = dialled
        self.gone = False
        self.peer_stopping = False
        self.loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self.loop.create_future()
        self.node: Node = links.node
        self.log = links.log.bind(peer=peer.name)
        self.encoder = Encoder(self)
        self.decoder = Decoder(self)
        self.connection = Connection(held=not dialled, on_frame=self._dispatch, on_lost=self._lose)
        self.bodies = Bodies(self)
        self.asking = Asking(self)
        self.serving = Serving(self)
        self._handle = self._handlers()
        self._links = links

    # -- refs, as they look from each side

    def export(self, target: Target) -> tuple[bool, str]:
        """(lives here, actor name) for a ref that travels; ValueError for one to a third node."""
        link, _, actor = target.address.rpartition("/")
        if not link:
            return True, actor
        if self._links.find(link) is not self:
            raise ValueError(f"the ref {target.address} leads to a third node; refs travel to their own node only")
        return False, actor

    def adopt(self, cls: type[Any], *, at_sender: bool, actor: str) -> Any:
        """The ref on this side for one the peer exported."""
        return make_ref(cls, self._links.target(self.link, actor)) if at_sender else self.node.ref(cls, actor)

    # -- messages

    def send_message(self, kind: int, identity: int, head: bytes, ended: Callable[[bool], None] | None = None) -> None:
        """Send a head with the encoder's buffers: inline when small, else announced and kept for the grant."""
        buffers, self.encoder.buffers = self.encoder.buffers, []  # nothing here keeps a sent picture alive
        size = sum(len(buffer) for buffer in buffers) if buffers else 0
        if size > INLINE:
            views = deque(buffer for buffer in buffers if len(buffer))
            self.connection.send(encode(kind, identity, head, flags=BULK, size=size))
            self.connection.offer(Outgoing(identity, views, ended or _nobody))
            return
        frame = encode(kind, identity, head, size=size)
        self.connection.send(b"".join((frame, *buffers)) if size else frame)
        if ended is not None:
            ended(True)

    def _handlers(self) -> dict[int, Callable[[Frame], None]]:
        asking, serving, connection = self.asking, self.serving, self.connection
        return {
            Kind.ASK: serving.call,
            Kind.TELL: serving.call,
            Kind.REPLY: asking.reply,
            Kind.FAULT: asking.fault,
            Kind.CANCEL: lambda frame: serving.cancel(frame.id),
            Kind.CREDIT: lambda frame: asking.credit(*_credit(frame.meta)),
            Kind.GRANT: lambda frame: connection.granted(frame.id),
            Kind.REFUSE: lambda frame: connection.withdraw(frame.id),
            Kind.ITEM: asking.reading.item,
            Kind.END: asking.reading.end,
            Kind.MORE: lambda frame: serving.more(frame.id, frame.size),
            Kind.PING: lambda _: None,
            Kind.GOODBYE: self._peer_stops,
        }

    def _dispatch(self, frame: Frame) -> None:
        self._handle[frame.kind](frame)

    def _peer_stops(self, _: Frame) -> None:
        self.peer_stopping = True

    # -- life

    def tick(self, *, judge: bool) -> None:
        """Ping when idle; give a silent peer up, unless this loop was itself too late to `judge`."""
        now = self.loop.time()
        heartbeat = self.node.heartbeat
        if judge and now - self.connection.last_received > SILENCE * heartbeat:
            self.connection.close(f"nothing heard for {now - self.connection.last_received:.1f} s")
        elif now - self.connection.last_sent >= IDLE * heartbeat:
            self.connection.send(encode(Kind.PING, 0))

    def say_goodbye(self) -> None:
        """Tell the peer that this node takes no new work."""
        self.connection.send(encode(Kind.GOODBYE, 0))

    def _lose(self, reason: str) -> None:
        self.gone = True
        self.asking.lost(reason)
        self.serving.lost()
        self._links.forget(self)
        if not self.lost.done():
            self.lost.set_result(reason)


def _nobody(_: bool) -> None:
    """Nobody waits for the end of this body."""


def _credit(meta: bytes) -> tuple[str, int]:
    try:
        return msgspec.msgpack.decode(meta, type=tuple[str, int])
    except UNREADABLE as error:
        raise ProtocolError(f"not a credit: {error}") from None
