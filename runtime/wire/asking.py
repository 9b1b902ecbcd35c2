"""The asking side of a link: calls that go out, their credit, their answers."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from runtime.actor import Place, op
from runtime.budget import Request
from runtime.deadline import SCOPE, Trace
from runtime.errors import (
    ActorStopped,
    DeadlineExceeded,
    Overloaded,
    PeerLost,
    ProtocolError,
    WouldDeadlock,
    from_fault,
)
from runtime.wire.codec import Arrival, Signature, decode_fault, finished, signature
from runtime.wire.connection import Incoming
from runtime.wire.frame import BULK, STREAM, Frame, Kind, encode
from runtime.wire.reading import Reading

if TYPE_CHECKING:
    from runtime.wire.session import Session


class Credit:
    """How many messages one actor of the peer still takes, and who waits for more."""

    def __init__(self, window: int) -> None:
        self.left = window
        self.waiting: deque[Pending] = deque()


class Pending:
    """An ask or tell on its way: waiting for credit, then (an ask) for its answer."""

    __slots__ = (
        "actor", "answer", "args", "chain", "expires", "identity", "kind", "peer", "place", "request", "sent",
        "signature", "trace",
    )  # fmt: skip

    def __init__(self, kind: Kind, actor: str, call: Signature, args: tuple[Any, ...], place: Place | None) -> None:
        self.kind = kind
        self.actor = actor
        self.signature = call
        self.args = args
        self.place = place
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent = False
        self.request: Request | None = None
        self.identity = 0
        self.expires = 0.0
        self.chain: tuple[str, ...] = ()
        self.trace = ""
        self.peer = ""

    def expire(self) -> None:
        """Its deadline passed."""
        self.fail(
            DeadlineExceeded(
                f"{self.signature.name} at {self.peer} did not answer within its deadline",
                executed="unknown" if self.sent else "no",
            )
        )

    def fail(self, error: Exception) -> None:
        """End in `error`, unless it ended already."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Asking:
    """Outgoing calls of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self._next = 1 if session.dialled else 2
        self._pending: dict[int, Pending] = {}
        self._credits: dict[str, Credit] = {}
        self.reading = Reading(session)

    def __len__(self) -> int:
        return len(self._pending)

    async def ask(
        self,
        actor: str,
        operation: op[Any, Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        place: Place | None,
    ) -> Any:
        """The answer of the peer's actor, within the deadline in force."""
        call = signature(operation)
        return await self._outcome(Pending(Kind.ASK, actor, call, call.arrange(args, kwargs), place))

    async def tell(
        self, actor: str, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Hand the message to the link; waits only for credit and, with a large body, until it is sent."""
        call = signature(operation)
        try:
            await self._outcome(Pending(Kind.TELL, actor, call, call.arrange(args, kwargs), None))
        except DeadlineExceeded as error:
            raise Overloaded(f"{actor} at {self._session.peer.name} takes no more messages", retry_after=1.0) from error

    async def _outcome(self, pending: Pending) -> Any:
        self._stamp(pending)
        sweep = self._session.node.sweep
        sweep.watch(pending, pending.expires)
        self._pending[pending.identity] = pending
        try:
            self._submit(pending)
            return await pending.answer
        except (asyncio.CancelledError, DeadlineExceeded):
            self._abandon(pending)
            raise
        finally:
            sweep.forget(pending)
            self._pending.pop(pending.identity, None)

    def _stamp(self, pending: Pending) -> None:
        """What the call inherits: deadline, chain, trace."""
        session = self._session
        outer = SCOPE.get()
        if session.peer_stopping and not outer.chain:
            raise ActorStopped(f"{session.peer.name} is stopping")
        there = f"{session.peer.instance}/{pending.actor}"
        if there in outer.chain and pending.kind == Kind.ASK:
            raise WouldDeadlock(f"{pending.actor}.{pending.signature.name} was asked from within its own call chain")
        pending.peer = session.peer.name
        pending.identity = self._next
        self._next += 2
        pending.expires = outer.deadline or session.loop.time() + session.node.default_deadline
        pending.chain = (*outer.chain, there)
        pending.trace = str(outer.lineage() or Trace())

    def _submit(self, pending: Pending) -> None:
        credit = self._credits.get(pending.actor)
        if credit is None:
            credit = self._credits[pending.actor] = Credit(self._session.peer.window)
        if credit.left > 0:
            credit.left -= 1
            self._send(pending)
        else:
            credit.waiting.append(pending)

    def credit(self, actor: str, count: int) -> None:
        """The peer's actor takes `count` more messages."""
        credit = self._credits.get(actor)
        if credit is None or count < 1:
            raise ProtocolError("credit for an actor that was never asked")
        credit.left += count
        while credit.left > 0 and credit.waiting:
            pending = credit.waiting.popleft()
            if not pending.answer.done():
                credit.left -= 1
                self._send(pending)

    def _send(self, pending: Pending) -> None:
        asks = pending.kind == Kind.ASK
        remaining = max(0.0, pending.expires - self._session.loop.time()) if asks else None
        try:
            head = self._session.encoder.call(
                pending.actor, pending.signature.name, remaining, pending.chain, pending.trace, pending.args
            )
        except (TypeError, ValueError, OverflowError) as error:
            pending.fail(error)
            self.credit(pending.actor, 1)
            return
        pending.sent, pending.args = True, ()
        self._session.send_message(
            pending.kind, pending.identity, head, None if asks else lambda sent: self._told(pending, sent)
        )

    @staticmethod
    def _told(pending: Pending, sent: bool) -> None:
        if not pending.answer.done():
            if sent:
                pending.answer.set_result(None)
            else:
                pending.fail(Overloaded(f"{pending.signature.name} was not taken by {pending.peer}"))

    def _abandon(self, pending: Pending) -> None:
        """Nobody wants the answer any more: tell the peer, forget what is on its way."""
        if pending.sent:
            self._connection.withdraw(pending.identity)
            self._connection.forget(pending.identity)
            self._connection.send(encode(Kind.CANCEL, pending.identity))
        self.reading.close(pending.identity)  # it may have been answered with a stream in this very turn
        if pending.request is not None:
            pending.request.release()

    # -- answers

    def reply(self, frame: Frame) -> None:
        """The handler's value, whole, announced, or a stream."""
        pending = self._pending.get(frame.id)
        if pending is None or pending.answer.done():
            if frame.flags & BULK:
                self._connection.send(encode(Kind.REFUSE, frame.id))
            elif frame.flags & STREAM:
                self._connection.send(encode(Kind.CANCEL, frame.id))
            return
        if frame.flags & STREAM:
            pending.answer.set_result(self.reading.open(frame.id, pending.signature.result_type))
        elif frame.flags & BULK:
            self._begin_bulk(pending, frame)
        else:
            self._take_reply(pending, frame)

    def _take_reply(self, pending: Pending, frame: Frame) -> None:
        arrival = Arrival(len(frame.body), pending.place)
        try:
            value = self._session.decoder.value(pending.signature.result_type, frame.meta, arrival)
        except Exception as error:
            pending.fail(error)
            return
        arrival.fill(frame.body)
        pending.answer.set_result(finished(value))

    def _begin_bulk(self, pending: Pending, frame: Frame) -> None:
        """Reserve, allocate or place, and let the body come."""

        def receive() -> None:
            if pending.answer.done():
                return
            arrival = Arrival(frame.size, pending.place)
            try:
                value = self._session.decoder.value(pending.signature.result_type, frame.meta, arrival)
            except Exception as error:
                self._connection.send(encode(Kind.REFUSE, frame.id))
                pending.fail(error)
                return
            views = deque(view for view in arrival.views if len(view))
            self._connection.receive(frame.id, Incoming(views, lambda: done(value)))
            self._connection.grant(frame.id)

        def done(value: Any) -> None:
            if pending.request is not None:
                pending.request.release()
            if not pending.answer.done():
                pending.answer.set_result(finished(value))

        budget = self._session.node.budget
        if pending.place is not None:
            receive()
        elif budget.can_ever(frame.size):
            pending.request = budget.request(frame.size, receive)
        else:
            self._connection.send(encode(Kind.REFUSE, frame.id))
            pending.fail(
                Overloaded(f"an answer of {frame.size} bytes; this node's budget is {budget.limit}", executed="yes")
            )

    def fault(self, frame: Frame) -> None:
        """The ask ended in an error at the peer."""
        pending = self._pending.get(frame.id)
        if pending is not None:
            self._connection.withdraw(frame.id)
            pending.fail(from_fault(decode_fault(frame.meta)))

    def lost(self, reason: str) -> None:
        """The link is gone: everything pending ends, with what is known of its execution."""
        message = f"link to {self._session.peer.name} lost: {reason}"
        for pending in list(self._pending.values()):
            if pending.request is not None:
                pending.request.release()
            pending.fail(PeerLost(message, executed="unknown" if pending.sent else "no"))
        self.reading.lost(PeerLost(message))
