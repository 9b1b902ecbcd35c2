"""The asking side of a link: calls that go out, their credit, their answers."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.actor import Place, op
from runtime.budget import Request
from runtime.deadline import SCOPE
from runtime.errors import (
    ActorStopped,
    DeadlineExceeded,
    Overloaded,
    PeerLost,
    ProtocolError,
    WouldDeadlock,
    from_fault,
)
from runtime.wire.codec import Signature, decode_fault, finished, signature
from runtime.wire.frame import ASK, STREAM, TELL, Frame, Kind, encode
from runtime.wire.reading import Reading

if TYPE_CHECKING:
    from runtime.wire.session import Session


class Credit:
    """How many messages one actor of the peer still takes, and who waits for more."""

    def __init__(self, window: int, there: str) -> None:
        self.left = window
        self.there = there  # the actor as call chains name it
        self.alone = (there,)
        self.waiting: deque[Pending] = deque()


class Pending(msgspec.Struct, eq=False, kw_only=True):
    """An ask or tell on its way: waiting for credit, then (an ask) for its answer. A struct: cheap to make."""

    kind: int
    actor: str
    signature: Signature
    args: tuple[Any, ...]
    place: Place | None
    answer: asyncio.Future[Any]
    identity: int
    expires: float
    chain: tuple[str, ...]
    trace: str
    peer: str
    sent: bool = False
    request: Request | None = None

    def expire(self) -> None:
        """Its deadline passed."""
        self.fail(
            DeadlineExceeded(
                f"{self.signature.name} at {self.peer} did not answer within its deadline",
                executed="unknown" if self.sent else "no",
            )
        )

    def succeed(self, value: Any) -> None:
        """The answer is here whole; unless it ended already, the asker gets it."""
        if self.request is not None:
            self.request.release()
        if not self.answer.done():
            self.answer.set_result(finished(value))

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
        pending = self._new(ASK, actor, operation, args, kwargs, place)
        try:
            self._submit(pending)
            return await pending.answer
        except (asyncio.CancelledError, DeadlineExceeded):
            self._abandon(pending)
            raise
        finally:
            self._forget(pending)

    async def tell(
        self, actor: str, operation: op[Any, Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Hand the message to the link; waits only for credit and, with a large body, until it is sent."""
        pending = self._new(TELL, actor, operation, args, kwargs, None)
        try:
            self._submit(pending)
            await pending.answer
        except DeadlineExceeded as error:
            self._abandon(pending)
            raise Overloaded(f"{actor} at {self._session.peer.name} takes no more messages", retry_after=1.0) from error
        except asyncio.CancelledError:
            self._abandon(pending)
            raise
        finally:
            self._forget(pending)

    def _new(
        self,
        kind: int,
        actor: str,
        operation: op[Any, Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        place: Place | None,
    ) -> Pending:
        """The call with what it inherits (deadline, chain, trace), under the sweep's watch."""
        session = self._session
        outer = SCOPE.get()
        if session.peer_stopping and not outer.chain:
            raise ActorStopped(f"{session.peer.name} is stopping")
        credit = self._credits.get(actor)
        if credit is None:
            credit = self._credits[actor] = Credit(session.peer.window, f"{session.peer.instance}/{actor}")
        if kind == ASK and credit.there in outer.chain:
            raise WouldDeadlock(f"{actor}.{operation.name} was asked from within its own call chain")
        call = signature(operation)
        lineage = outer.lineage()
        identity, self._next = self._next, self._next + 2
        pending = self._pending[identity] = Pending(
            kind=kind,
            actor=actor,
            signature=call,
            args=call.arrange(args, kwargs),
            place=place,
            answer=session.loop.create_future(),
            identity=identity,
            expires=outer.deadline or session.loop.time() + session.node.default_deadline,
            chain=(*outer.chain, credit.there) if outer.chain else credit.alone,
            trace="" if lineage is None else str(lineage),
            peer=session.peer.name,
        )
        session.node.sweep.watch(pending, pending.expires)
        return pending

    def _forget(self, pending: Pending) -> None:
        self._session.node.sweep.forget(pending)
        del self._pending[pending.identity]

    def _submit(self, pending: Pending) -> None:
        credit = self._credits[pending.actor]
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
        asks = pending.kind == ASK
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
            self._session.bodies.refuse(frame)
            if frame.flags & STREAM:
                self._connection.send(encode(Kind.CANCEL, frame.id))
        elif frame.flags & STREAM:
            pending.answer.set_result(self.reading.open(frame.id, pending.signature.result_type))
        else:
            pending.request = self._session.bodies.take(
                frame,
                pending.signature.result_type,
                frame.meta,
                pending.succeed,
                pending.fail,
                budget=None if pending.place is not None else self._session.node.budget,
                place=pending.place,
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
