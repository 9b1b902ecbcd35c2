"""Values coming in over a link: inline with their frame, or announced, granted and received into place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from runtime.actor import Place
from runtime.budget import Budget, Request
from runtime.errors import Overloaded
from runtime.wire.codec import Arrival
from runtime.wire.connection import Incoming
from runtime.wire.frame import BULK, Frame, Kind, encode

if TYPE_CHECKING:
    from runtime.wire.session import Session


class Bodies:
    """What one session receives. Bytes are reserved before they are allocated, and nothing waits here."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection

    def take(
        self,
        frame: Frame,
        declared: Any,
        head: bytes | msgspec.Raw,
        whole: Callable[[Any], None],
        failed: Callable[[Exception], None],
        *,
        budget: Budget | None = None,
        place: Place | None = None,
    ) -> Request | None:
        """Give `whole` the value once its bytes are in, or `failed` what is wrong with it; either may come at once.

        A bulk body first reserves its bytes in `budget`, unless they are placed into memory that is there already.
        Whoever loses interest, or is through with the value, releases the request.
        """
        if not frame.flags & BULK:
            self._take_inline(frame, declared, head, whole, failed, place)
            return None

        def receive() -> None:
            arrival = Arrival(frame.size, place)
            try:
                value = self._session.decoder.value(declared, head, arrival)
            except Exception as error:
                self.refuse(frame)
                failed(error)
                return
            views = deque(view for view in arrival.views if len(view))
            self._connection.receive(frame.id, Incoming(views, lambda: whole(value)))
            self._connection.grant(frame.id)

        if budget is None:
            receive()
            return None
        if budget.can_ever(frame.size):
            return budget.request(frame.size, receive)
        self.refuse(frame)
        failed(Overloaded(f"a body of {frame.size} bytes is more than {self._session.node.name} ever takes"))
        return None

    def refuse(self, frame: Frame) -> None:
        """Have the peer keep the body, if it announced one."""
        if frame.flags & BULK:
            self._connection.send(encode(Kind.REFUSE, frame.id))

    def _take_inline(
        self,
        frame: Frame,
        declared: Any,
        head: bytes | msgspec.Raw,
        whole: Callable[[Any], None],
        failed: Callable[[Exception], None],
        place: Place | None,
    ) -> None:
        arrival = Arrival(len(frame.body), place)
        try:
            value = self._session.decoder.value(declared, head, arrival)
        except Exception as error:
            failed(error)
            return
        if arrival.views:
            arrival.fill(frame.body)
        whole(value)
