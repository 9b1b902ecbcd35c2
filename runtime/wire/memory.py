"""`memory:NAME` addresses: a pair of transports in one process, with the flow control of real ones."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_listeners: dict[str, Handler] = {}
_HIGH_WATER = 64 << 10


class MemoryTransport(asyncio.Transport):
    """One end of a pair. Bytes written arrive at the other end's protocol in a later loop turn."""

    def __init__(self) -> None:
        super().__init__()
        self.other: MemoryTransport | None = None
        self._loop = asyncio.get_running_loop()
        self.protocol: Any = None
        self._inbox: deque[memoryview] = deque()
        self.inbox_size = 0
        self.high = _HIGH_WATER
        self.writer_paused = False
        self._reading = True
        self._scheduled = False
        self._closing = False
        self._eof = False

    # -- transport interface

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol
        self._schedule()

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or _HIGH_WATER

    def get_write_buffer_size(self) -> int:
        return 0 if self.other is None else self.other.inbox_size

    def write(self, data: Any) -> None:
        if self._closing or self.other is None or not len(data):
            return
        self.other.take(memoryview(bytes(data)))
        if self.other.inbox_size > self.high and not self.writer_paused:
            self.writer_paused = True
            self.protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._schedule()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self.protocol.connection_lost, None)
            if self.other is not None:
                self.other.peer_closed()

    def abort(self) -> None:
        self.close()

    # -- delivery

    def take(self, data: memoryview) -> None:
        self._inbox.append(data)
        self.inbox_size += len(data)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and self._reading and (self._inbox or self._eof):
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def peer_closed(self) -> None:
        self._eof = True
        self._schedule()

    def _deliver(self) -> None:
        self._scheduled = False
        while self._inbox and self._reading and not self._closing:
            self._deliver_some(self._inbox[0])
        if self.other is not None and self.other.writer_paused and self.inbox_size <= self.other.high // 4:
            self.other.writer_paused = False
            self.other.protocol.resume_writing()
        if self._eof and not self._inbox and not self._closing:
            self.protocol.eof_received()
            self.close()

    def _deliver_some(self, data: memoryview) -> None:
        if isinstance(self.protocol, asyncio.BufferedProtocol):
            buffer = memoryview(self.protocol.get_buffer(len(data)))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
        else:
            count = len(data)
        self.inbox_size -= count
        if count < len(data):
            self._inbox[0] = data[count:]
        else:
            self._inbox.popleft()
        if isinstance(self.protocol, asyncio.BufferedProtocol):
            self.protocol.buffer_updated(count)
        else:
            self.protocol.data_received(bytes(data))


def listen(name: str, handler: Handler) -> Callable[[], None]:
    """Have `handler` called for each dialled connection; gives the function that stops it. OSError when taken."""
    if name in _listeners:
        raise OSError(f"memory:{name} is in use")
    _listeners[name] = handler
    return lambda: _listeners.pop(name, None) and None


async def dial(name: str, spawn: Callable[[Awaitable[None]], object]) -> Pair:
    """Connect to a listener of this process; ConnectionRefusedError without one. `spawn` runs its handler."""
    handler = _listeners.get(name)
    if handler is None:
        raise ConnectionRefusedError(f"nothing listens at memory:{name}")
    near, far = MemoryTransport(), MemoryTransport()
    near.other, far.other = far, near
    spawn(handler(*_streams(far)))
    return _streams(near)


def _streams(transport: MemoryTransport) -> Pair:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
