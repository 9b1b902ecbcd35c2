"""A simulated connection's end: what asyncio's socket transport does, on the pipes of `simnet`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.simnet import Network, Pipe


class Mark(Enum):
    """What can arrive besides bytes."""

    END = auto()
    RESET = auto()


class SimSocket:
    """Says its name; setting options on it does nothing."""

    def __init__(self, name: Any) -> None:
        self._name = name

    def getsockname(self) -> Any:
        return self._name

    def setsockopt(self, *option: Any) -> None:
        pass


class SimTransport(asyncio.Transport):
    """Talks to its protocol in its host's context, so a frozen host hears nothing."""

    def __init__(self, network: Network, host: str, context: Context, own_name: Any, peer_name: Any) -> None:
        super().__init__({"sockname": own_name, "peername": peer_name, "socket": SimSocket(own_name)})
        self._network = network
        self._loop = network.loop
        self._context = context
        self.host = host
        self.peer: SimTransport
        self.outgoing: Pipe
        self.incoming: Pipe
        self.begun: asyncio.Future[None] = network.loop.create_future()
        self._protocol: Any = None
        self._inbox: deque[bytes | Mark] = deque()
        self._low, self._high = 16 << 10, 64 << 10
        self._reading = True
        self._writing_paused = False
        self._ended = False
        self._closing = False
        self._lost = False
        network.transports[self] = None

    def join(self, peer: SimTransport, outgoing: Pipe, incoming: Pipe) -> None:
        self.peer, self.outgoing, self.incoming = peer, outgoing, incoming

    def begin(self, protocol_factory: Callable[[], Any]) -> None:
        """Make the protocol and tell it of the connection, on this end's host."""

        def made() -> None:
            if self._lost:
                return
            self._protocol = protocol_factory()
            self._protocol.connection_made(self)
            self.begun.set_result(None)
            self._deliver()

        self._loop.call_soon(made, context=self._context)

    # what the pipes call -------------------------------------------------------------------------------------------

    def arrived(self, data: bytes | Mark) -> None:
        """A slice, or the end of the stream, reached this host's kernel."""
        if data is Mark.RESET and self._closing:
            self.reset()
        elif not self._lost:
            self._inbox.append(data)  # what arrived before a reset is still read, as on Linux
            self._schedule_delivery()
        elif not isinstance(data, Mark):
            self.outgoing.send(Mark.RESET)

    def drained(self, unsent: int) -> None:
        """This much is not sent yet; tells a protocol that was asked to pause."""
        if self._writing_paused and unsent <= self._low:
            self._writing_paused = False
            self._soon(self._resume_protocol)
        if self._closing and not unsent:
            self._lose(None)

    def reset(self) -> None:
        """The connection breaks under this end."""
        self.outgoing.drop()
        self._lose(ConnectionResetError(104, "connection reset by peer"))

    def vanish(self) -> None:
        """The host died: its protocol hears nothing, the peer gets the end or a reset."""
        self._lost = True
        self.outgoing.drop()
        self._network.transports.pop(self, None)
        self.outgoing.send(self._loop.random.choice(tuple(Mark)))

    # what protocols call -------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data).cast("B")
        if self._lost or self._closing or not view:
            return
        if self._ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        self.outgoing.push(view)
        if self.outgoing.unsent_bytes > self._high and not self._writing_paused:
            self._writing_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._ended and not self._closing:
            self._ended = True
            self.outgoing.end()

    def close(self) -> None:
        if self._closing or self._lost:
            return
        self._closing = True
        if not self._ended:
            self._ended = True
            self.outgoing.end()
        if not self.outgoing.unsent_bytes:
            self._lose(None)

    def abort(self) -> None:
        if not self._lost:
            self.outgoing.drop()
            self.outgoing.send(Mark.RESET)
            self._lose(None)

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def is_reading(self) -> bool:
        return self._reading and not self.is_closing()

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        if not self._lost:
            self._schedule_delivery()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = (64 << 10 if low is None else 4 * low) if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def get_write_buffer_size(self) -> int:
        return self.outgoing.unsent_bytes

    # to the protocol -----------------------------------------------------------------------------------------------

    def _soon(self, callback: Callable[..., None], *args: Any) -> None:
        self._loop.call_soon(callback, *args, context=self._context)

    def _schedule_delivery(self) -> None:
        if self._inbox:
            self._soon(self._deliver)

    def _deliver(self) -> None:
        """One slice a turn, so that other work comes between two."""
        if not self._inbox or not self._reading or self._closing or self._lost or self._protocol is None:
            return
        data = self._inbox.popleft()
        if data is Mark.RESET:
            self.reset()
            return
        if data is Mark.END:
            if not self._protocol.eof_received():
                self.close()
            return
        self.incoming.consumed(len(data))
        try:
            self._feed(data)
        except Exception as error:
            self._loop.call_exception_handler({"message": "a protocol failed", "exception": error, "transport": self})
            self.abort()
        self._schedule_delivery()

    def _feed(self, data: bytes) -> None:
        while data:
            if not isinstance(self._protocol, asyncio.BufferedProtocol):
                self._protocol.data_received(data)
                return
            buffer = memoryview(self._protocol.get_buffer(-1)).cast("B")
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            self._protocol.buffer_updated(count)
            data = b"" if self._lost or self._closing else data[count:]

    def _resume_protocol(self) -> None:
        if not self._lost:
            self._protocol.resume_writing()

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = True
        self._inbox.clear()
        self._network.transports.pop(self, None)
        self._soon(self._tell_lost, error)

    def _tell_lost(self, error: Exception | None) -> None:
        if self._protocol is not None:
            self._protocol.connection_lost(error)
        if not self.begun.done():
            self.begun.set_exception(error or ConnectionResetError(104, "connection reset by peer"))
            self.begun.exception()  # only a dialler waits for it
