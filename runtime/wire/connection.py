"""One connection after its handshake: frames in, frames and bulk bodies out.

Small frames of a loop turn leave in one write. Bulk bodies go out in chunks, behind every small frame: the body with
the least left goes first and every fourth chunk is the oldest's. So a large picture never delays a small ask, equal
bodies leave one after the other (the receiver of the first can begin), and none starves. The reader never waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from runtime.errors import ProtocolError
from runtime.wire.frame import CHUNK, DATA, HEADER, Frame, FrameDecoder, Kind, encode

CHUNKS_A_TURN = 4
OLDEST_SHARE = 4
BACKLOG = 64 << 20  # bytes of small frames a peer that asks on without reading may make us keep


@dataclass
class Incoming:
    """A bulk body being received into `views`, in order; `done` is called after its last byte."""

    views: deque[memoryview]
    done: Callable[[], None]
    missing: int = field(init=False)  # bytes; a place is given away before its bytes are there

    def __post_init__(self) -> None:
        self.missing = sum(len(view) for view in self.views)


@dataclass
class Outgoing:
    """A bulk body announced to the peer; it leaves after the grant. `ended(sent)` is called exactly once."""

    identity: int
    views: deque[memoryview]
    ended: Callable[[bool], None] = field(default=lambda _: None)
    left: int = field(init=False)  # bytes

    def __post_init__(self) -> None:
        self.left = sum(len(view) for view in self.views)


class Connection(asyncio.BufferedProtocol):
    """The protocol a link's transport is switched to once both sides have proved themselves.

    A listener's side holds back what it sends until the dialler's first frame: bytes that reached the dialler's
    handshake reader would be stranded there.
    """

    def __init__(self, *, held: bool, on_frame: Callable[[Frame], None], on_lost: Callable[[str], None]) -> None:
        self.bytes_in = 0
        self.bytes_out = 0
        self.last_received = asyncio.get_running_loop().time()
        self.last_sent = self.last_received
        self._loop = asyncio.get_running_loop()
        self._held = held
        self._on_frame = on_frame
        self._on_lost: Callable[[str], None] | None = on_lost
        self._decoder = FrameDecoder(self._sink)
        self._incoming: dict[int, Incoming] = {}
        self._outgoing: dict[int, Outgoing] = {}
        self._granted: deque[Outgoing] = deque()  # oldest first
        self._chunks = 0
        self._small: list[bytes] = []
        self._scheduled = False
        self._quiet = True  # the last turn had one small frame or none: the next one is not worth waiting for
        self._paused = False
        self._backlog = 0
        self._flushed: asyncio.Future[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._transport: asyncio.WriteTransport | None = None

    def attach(self, writer: asyncio.StreamWriter) -> None:
        """Take over the transport of a finished handshake; the writer is kept, dropping it would close the socket."""
        transport = writer.transport
        self._writer, self._transport = writer, transport
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=CHUNK)
        if transport.is_closing():
            self._loop.call_soon(self.connection_lost, None)
        if not self._held:
            self.send(encode(Kind.PING, 0))

    # -- out

    def send(self, frame: bytes) -> None:
        """Send a whole small frame: at once where turns send one frame only, else with the others of this turn."""
        if self._quiet and not self._scheduled and self._writable():
            self._write(frame)
            self._schedule()
            return
        self._small.append(frame)
        if self._paused:
            self._backlog += len(frame)
            if self._backlog > BACKLOG:
                self._loop.call_soon(self.close, f"{self._backlog} bytes wait for a peer that does not read")
        self._schedule()

    def offer(self, outgoing: Outgoing) -> None:
        """Keep an announced body until the peer grants or refuses it."""
        self._outgoing[outgoing.identity] = outgoing

    def grant(self, identity: int) -> None:
        """Tell the peer to send the body it announced."""
        self.send(encode(Kind.GRANT, identity))

    def granted(self, identity: int) -> None:
        """The peer wants the body; a grant for one that was withdrawn meanwhile means nothing."""
        outgoing = self._outgoing.get(identity)
        if outgoing is not None and outgoing not in self._granted:
            self._granted.append(outgoing)
            self._schedule()

    def withdraw(self, identity: int) -> None:
        """Do not send (the rest of) a body."""
        outgoing = self._outgoing.pop(identity, None)
        if outgoing is not None:
            if outgoing in self._granted:
                self._granted.remove(outgoing)
            outgoing.ended(False)
            self._notice_flushed()

    async def flushed(self) -> None:
        """Wait until everything queued, announced bodies included, is with the transport."""
        while self._small or self._outgoing:
            self._flushed = self._loop.create_future()
            await self._flushed

    def _writable(self) -> bool:
        return not (self._paused or self._held or self._transport is None or self._on_lost is None)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if not self._writable():
            return
        self._quiet = len(self._small) <= 1
        if self._small:
            data = b"".join(self._small)
            self._small.clear()
            self._write(data)
        for _ in range(CHUNKS_A_TURN):
            if not self._granted or self._paused:
                break
            self._write_chunk(self._next_body())
        if self._granted and not self._paused:
            self._schedule()
        self._notice_flushed()

    def _next_body(self) -> Outgoing:
        self._chunks += 1
        if len(self._granted) == 1 or self._chunks % OLDEST_SHARE == 0:
            return self._granted[0]
        return min(self._granted, key=lambda body: body.left)

    def _write_chunk(self, outgoing: Outgoing) -> None:
        view = outgoing.views[0]
        chunk, rest = view[:CHUNK], view[CHUNK:]
        self._write(HEADER.pack(DATA, 0, outgoing.identity, 0, len(chunk)))
        self._write(chunk)
        if len(rest):
            outgoing.views[0] = rest
        else:
            outgoing.views.popleft()
        outgoing.left -= len(chunk)
        if not outgoing.views:
            self._granted.remove(outgoing)
            del self._outgoing[outgoing.identity]
            outgoing.ended(True)

    def _write(self, data: bytes | memoryview) -> None:
        assert self._transport is not None
        self.bytes_out += len(data)
        self.last_sent = self._loop.time()
        self._transport.write(data)

    def _notice_flushed(self) -> None:
        if self._flushed is not None and not self._flushed.done() and not self._small and not self._outgoing:
            self._flushed.set_result(None)

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport has room again."""
        self._paused = False
        self._backlog = 0
        self._schedule()

    # -- in

    def receive(self, identity: int, incoming: Incoming) -> None:
        """Have the DATA chunks of `identity` written into place as they come."""
        self._incoming[identity] = incoming

    def forget(self, identity: int) -> None:
        """Whatever still comes of that body is read and dropped."""
        self._incoming.pop(identity, None)
        self._decoder.forget(identity)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the transport receives to next."""
        return self._decoder.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes arrived: any of them count as life."""
        self.bytes_in += nbytes
        self.last_received = self._loop.time()
        try:
            for frame in self._decoder.received(nbytes):
                if frame.kind == DATA:
                    self._chunk_arrived(frame)
                else:
                    self._on_frame(frame)
        except ProtocolError as error:
            self.close(f"protocol error: {error}")
            return
        if self._held:
            self._held = False
            self._schedule()

    def _sink(self, identity: int, size: int) -> memoryview | None:
        incoming = self._incoming.get(identity)
        if incoming is None:
            return None
        if len(incoming.views) > 1 and not len(incoming.views[0]):
            incoming.views.popleft()
        view = incoming.views[0]
        if size > len(view):
            raise ProtocolError("a data frame larger than what is missing of its body")
        incoming.views[0] = view[size:]
        return view[:size]

    def _chunk_arrived(self, chunk: Frame) -> None:
        incoming = self._incoming.get(chunk.id)
        if incoming is not None:
            incoming.missing -= chunk.size
            if not incoming.missing:
                del self._incoming[chunk.id]
                incoming.done()

    # -- the end

    def close(self, reason: str, *, abort: bool = True) -> None:
        """Hang up and report the loss; without `abort` the transport first sends what it holds."""
        if self._transport is not None:
            if abort:
                self._transport.abort()
            else:
                self._transport.close()
        self._lose(reason)

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        self._lose(f"connection lost: {exc}" if exc else "the peer closed the connection")

    def eof_received(self) -> bool:
        """The peer sends no more: the link is over."""
        return False

    def _lose(self, reason: str) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is None:
            return
        self._incoming.clear()
        self._small.clear()
        self._granted.clear()
        for outgoing in list(self._outgoing.values()):
            outgoing.ended(False)
        self._outgoing.clear()
        self._notice_flushed()
        on_lost(reason)
