"""Raw blocking sockets, the limit: no loop, no queue, one thread on either side, received into place."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.calls import contender
from bench.calls.plain import ADD, ECHO, HANG, HEAD, NUMBER


class Blocking(contender.Contender):
    """One connection; with many in flight, so many are sent before the first answer is read."""

    rows: ClassVar[tuple[str, ...]] = contender.REMOTE
    loop: ClassVar[str] = "asyncio"

    async def connect(self, address: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(address)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def ask_remote(self, count: int, in_flight: int) -> None:
        for _ in range(count // in_flight):
            for number in range(in_flight):
                self._socket.sendall(HEAD.pack(number, NUMBER.size, ADD) + NUMBER.pack(number))
            for _ in range(in_flight):
                receive(self._socket, HEAD.size)
                NUMBER.unpack(receive(self._socket, NUMBER.size))

    async def echo(self, array: NDArray[Any], count: int) -> None:
        for _ in range(count):
            self._socket.sendall(HEAD.pack(0, array.nbytes, ECHO))
            self._socket.sendall(array.data.cast("B"))
            receive(self._socket, HEAD.size)
            back = np.empty_like(array)
            receive_into(self._socket, back.data.cast("B"))

    async def hang(self) -> None:
        self._socket.sendall(HEAD.pack(0, 0, HANG))
        receive(self._socket, HEAD.size)

    async def close(self) -> None:
        self._socket.close()

    def serve(self, announce: Callable[[object], None]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            announce(listener.getsockname()[1])
            peer, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            call, length, op = HEAD.unpack(receive(peer, HEAD.size))
            body = receive(peer, length)
            if op == ADD:
                peer.sendall(HEAD.pack(call, NUMBER.size, op) + NUMBER.pack(NUMBER.unpack(body)[0] + 1))
            elif op == ECHO:
                peer.sendall(HEAD.pack(call, length, op))
                peer.sendall(body)


def receive(peer: socket.socket, length: int) -> bytearray:
    """Read exactly so many bytes; raises ConnectionError at the end of the stream."""
    data = bytearray(length)
    receive_into(peer, memoryview(data))
    return data


def receive_into(peer: socket.socket, view: memoryview) -> None:
    """Fill the view from the socket; raises ConnectionError at the end of the stream."""
    while view:
        count = peer.recv_into(view)
        if not count:
            raise ConnectionError("the peer closed the connection")
        view = view[count:]
