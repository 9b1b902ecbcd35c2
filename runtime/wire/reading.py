"""The reading side of streams over a link: values that come in, and the credit that lets more come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.budget import Request
from runtime.errors import BrumeError, from_fault
from runtime.stream import Stream
from runtime.wire.codec import decode_fault, finished
from runtime.wire.frame import Frame, Kind, encode

if TYPE_CHECKING:
    from runtime.wire.session import Session

STREAM_WINDOW = 64  # items a stream may have on the way


class RemoteStream(Stream[Any]):
    """A stream whose source is at the peer; reading it gives the source credit for more."""

    def __init__(self, reading: Reading, identity: int, item_type: Any) -> None:
        super().__init__(capacity=STREAM_WINDOW, on_close=lambda: reading.close(identity))
        self.item_type = item_type
        self.request: Request | None = None
        self._reading = reading
        self._identity = identity
        self._read = 0

    def _taken(self) -> None:
        self._read += 1
        if self._read >= STREAM_WINDOW // 2:
            self._reading.more(self._identity, self._read)
            self._read = 0


class Reading:
    """Streams of the peer that this node reads, by the id of the ask that gave them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self._streams: dict[int, RemoteStream] = {}

    def open(self, identity: int, item_type: Any) -> RemoteStream:
        """The stream an ask was answered with."""
        stream = self._streams[identity] = RemoteStream(self, identity, item_type)
        return stream

    def item(self, frame: Frame) -> None:
        """The next value of a stream."""
        stream = self._streams.get(frame.id)
        if stream is None:
            self._session.bodies.refuse(frame)
            return

        def whole(value: Any) -> None:
            if stream.request is not None:
                stream.request.release()
            stream.put(finished(value))

        def failed(error: Exception) -> None:
            self.close(frame.id)
            stream.end(error)

        budget = self._session.node.budget
        stream.request = self._session.bodies.take(frame, stream.item_type, frame.meta, whole, failed, budget=budget)

    def end(self, frame: Frame) -> None:
        """The stream's source is through, or failed."""
        stream = self._streams.pop(frame.id, None)
        if stream is not None:
            stream.end(from_fault(decode_fault(frame.meta)) if frame.meta else None)

    def more(self, identity: int, count: int) -> None:
        """The reader took `count` items: let as many more come."""
        if identity in self._streams:
            self._connection.send(encode(Kind.MORE, identity, size=count))

    def close(self, identity: int) -> None:
        """The reader is gone."""
        stream = self._streams.pop(identity, None)
        if stream is not None:
            self._connection.forget(identity)
            self._connection.send(encode(Kind.CANCEL, identity))
            if stream.request is not None:
                stream.request.release()

    def lost(self, error: BrumeError) -> None:
        """The link is gone: every reader sees `error` after what it still has to read."""
        for stream in self._streams.values():
            if stream.request is not None:
                stream.request.release()
            stream.end(error)
        self._streams.clear()
