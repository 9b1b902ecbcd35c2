"""The answering side of a link: calls that come in, their bodies, their answers, the streams they return."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.actor import find_op
from runtime.budget import Budget, Request
from runtime.deadline import Trace
from runtime.errors import BrumeError, NoSuchActor, NoSuchOp, PeerLost, ProtocolError, to_fault
from runtime.mailbox import Message
from runtime.stream import Stream
from runtime.wire.codec import Call, Signature, finished_args, signature
from runtime.wire.frame import ASK, REPLY, STREAM, Frame, Kind, encode
from runtime.wire.handshake import WINDOW
from runtime.wire.reading import STREAM_WINDOW

if TYPE_CHECKING:
    from runtime.cell import Cell
    from runtime.wire.session import Session


class Received(Message, kw_only=True):
    """A peer's ask or tell, from its head's arrival to its outcome."""

    serving: Serving
    identity: int
    actor: str
    answers: bool
    signature: Signature
    delivered: bool = False
    credited: bool = False
    request: Request | None = None

    @property
    def wants_answer(self) -> bool:
        return self.answers

    def resolve(self, value: Any) -> None:
        self.serving.resolved(self, value)

    def reject(self, error: Exception) -> None:
        self.serving.rejected(self, error)

    def taken(self) -> None:
        if not self.credited:
            self.credited = True
            self.serving.give_credit(self.actor)


class Feed:
    """A stream on its way to the peer, with the items it may still send."""

    def __init__(self) -> None:
        self.window = STREAM_WINDOW
        self.room = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Serving:
    """Incoming calls of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self._received: dict[int, Received] = {}
        self._feeds: dict[int, Feed] = {}
        self._owed: dict[str, int] = {}
        self._returning: dict[str, int] = {}
        self._shares: dict[str, Budget] = {}

    # -- calls

    def call(self, frame: Frame) -> None:
        """The head of an ask or tell: check it, then take its body and hand it to the actor."""
        call = self._session.decoder.call(frame.meta)
        if frame.id in self._received or frame.id % 2 == self._session.dialled:
            raise ProtocolError(f"a call numbered {frame.id}, which is not the peer's to use now")
        self._count(call.actor)
        try:
            message, cell = self._admit(frame, call)
        except BrumeError as error:
            self._refuse(frame, call, error)
            return
        self._received[frame.id] = message
        message.request = self._session.bodies.take(
            frame,
            message.signature.args_type,
            call.args,
            partial(self._deliver, message, cell),
            message.cancel,
            budget=self._share(call.actor, cell),
        )

    def _admit(self, frame: Frame, call: Call) -> tuple[Received, Cell]:
        cell = self._session.node.cells.get(call.actor)
        if cell is None:
            raise NoSuchActor(f"{self._session.node.name} has no actor {call.actor!r}")
        operation = find_op(cell.cls, call.op)
        if operation is None:
            raise NoSuchOp(f"{call.actor} has no op {call.op!r}")
        patience = self._session.node.default_deadline if call.remaining is None else call.remaining
        expires = self._session.loop.time() + patience
        message = Received(
            op=call.op, handler=operation.function, args=(), size=frame.size,
            deadline=None if call.remaining is None else expires, chain=call.chain,
            trace=Trace(call.trace) if call.trace else None,
            serving=self, identity=frame.id, actor=call.actor, answers=frame.kind == ASK,
            signature=signature(operation),
        )  # fmt: skip
        self._session.node.sweep.watch(message, expires)
        return message, cell

    def _refuse(self, frame: Frame, call: Call, error: BrumeError) -> None:
        self.give_credit(call.actor)
        if frame.kind == Kind.ASK:
            self._send_fault(frame.id, error)
        else:
            self._session.bodies.refuse(frame)

    def _share(self, actor: str, cell: Cell) -> Budget:
        """What the actor may have of the node's budget from this peer: its credit in bytes."""
        share = self._shares.get(actor)
        if share is None:
            share = self._shares[actor] = Budget(cell.mailbox.policy.bytes, self._session.node.budget)
        return share

    def _deliver(self, message: Received, cell: Cell, args: Any) -> None:
        if message.state != "queued":
            return
        message.args = finished_args(message.signature, args)
        message.delivered = True
        if not message.answers:  # a tell that is here whole has no deadline
            self._session.node.sweep.forget(message)
        try:
            cell.accept(message, nested=len(message.chain) > 1)
        except BrumeError as error:
            message.cancel(error)

    def cancel(self, identity: int) -> None:
        """The asker is gone: end the handler, the stream, the body on its way."""
        message = self._received.get(identity)
        self._connection.withdraw(identity)
        self._connection.forget(identity)
        if message is not None and (message.answers or not message.delivered):
            message.answers = False
            message.cancel(PeerLost("the asker went away"))
        feed = self._feeds.get(identity)
        if feed is not None and feed.task is not None:
            feed.task.cancel()

    # -- outcomes

    def resolved(self, message: Received, value: Any) -> None:
        """The handler's value goes back, if an asker still waits."""
        wanted = message.answers
        self._settle(message)
        if not wanted or self._session.gone:
            if isinstance(value, Stream):
                self._session.node.spawn_task(value.aclose(), name="close unread stream")
            return
        if message.signature.streams:
            self._feed(message, value)
            return
        try:
            head = self._session.encoder.encode(message.signature.wrap(value))
        except (TypeError, ValueError, OverflowError) as error:
            self._send_fault(message.identity, error)
            return
        self._session.send_message(REPLY, message.identity, head)

    def rejected(self, message: Received, error: Exception) -> None:
        """The error goes back, if an asker still waits."""
        wanted = message.answers
        self._connection.forget(message.identity)
        self._settle(message)
        if not wanted and not isinstance(error, PeerLost):
            self._session.log.warning("tell refused", op=message.op, trace=str(message.lineage()), reason=str(error))
        if wanted and not self._session.gone:
            self._send_fault(message.identity, error)

    def _settle(self, message: Received) -> None:
        if self._received.pop(message.identity, None) is not None:
            self._session.node.sweep.forget(message)
            message.taken()
            if message.request is not None:
                message.request.release()

    def _send_fault(self, identity: int, error: Exception) -> None:
        self._connection.send(encode(Kind.FAULT, identity, msgspec.msgpack.encode(to_fault(error))))

    # -- credit

    def _count(self, actor: str) -> None:
        if actor not in self._session.node.cells:
            return
        owed = self._owed.get(actor, 0) + 1
        if owed > WINDOW:
            raise ProtocolError(f"more than {WINDOW} messages waiting at {actor!r}")
        self._owed[actor] = owed

    def give_credit(self, actor: str) -> None:
        """A message left the mailbox: the peer may send another. Goes back in batches, well before it runs out."""
        if actor not in self._owed:  # no such actor: nothing is kept for names a peer makes up
            self._connection.send(encode(Kind.CREDIT, 0, msgspec.msgpack.encode((actor, 1))))
            return
        returning = self._returning.get(actor, 0) + 1
        if returning < WINDOW // 4:
            self._returning[actor] = returning
            return
        self._returning[actor] = 0
        self._owed[actor] -= returning
        self._connection.send(encode(Kind.CREDIT, 0, msgspec.msgpack.encode((actor, returning))))

    # -- streams

    def _feed(self, message: Received, stream: Stream[Any]) -> None:
        feed = self._feeds[message.identity] = Feed()
        self._connection.send(encode(Kind.REPLY, message.identity, flags=STREAM))
        feed.task = self._session.node.spawn_task(
            self._pump(message.identity, message.signature, stream, feed), name=f"stream {message.op}"
        )

    async def _pump(self, identity: int, call: Signature, stream: Stream[Any], feed: Feed) -> None:
        """Items out as the reader gives credit; ends with the stream, its error, or the reader."""
        meta = b""
        try:
            async for item in stream:
                while feed.window <= 0:
                    feed.room.clear()
                    await feed.room.wait()
                feed.window -= 1
                await self._send_item(identity, call, item)
        except Exception as error:
            meta = msgspec.msgpack.encode(to_fault(error))
        finally:
            self._feeds.pop(identity, None)
            await stream.aclose()
        if not self._session.gone:
            self._connection.send(encode(Kind.END, identity, meta))

    async def _send_item(self, identity: int, call: Signature, item: Any) -> None:
        sent: asyncio.Future[bool] = self._session.loop.create_future()
        head = self._session.encoder.encode(call.wrap(item))
        self._session.send_message(Kind.ITEM, identity, head, lambda ok: None if sent.done() else sent.set_result(ok))
        await sent

    def more(self, identity: int, count: int) -> None:
        """The reader takes `count` more items."""
        feed = self._feeds.get(identity)
        if feed is not None:
            feed.window += count
            if feed.window > STREAM_WINDOW:
                raise ProtocolError(f"credit for {feed.window} items of a stream; {STREAM_WINDOW} are sent ahead")
            feed.room.set()

    def lost(self) -> None:
        """The link is gone: asks lose their asker and are cancelled; tells that arrived whole run on."""
        for message in list(self._received.values()):
            if message.answers or not message.delivered:
                message.answers = False
                message.cancel(PeerLost("the asker went away"))
        for feed in self._feeds.values():
            if feed.task is not None:
                feed.task.cancel()
