"""pyzmq: DEALER to ROUTER over TCP on asyncio, remote only; arrays as a second frame, not copied."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from zmq import DEALER, ROUTER, Context, Frame
from zmq.asyncio import Context as AsyncContext

from bench.calls import contender
from bench.calls.plain import ADD, ECHO, HANG, HEAD, NUMBER


class Pyzmq(contender.Contender):
    """Futures by call number; the socket's own thread does the input and output."""

    rows: ClassVar[tuple[str, ...]] = contender.REMOTE + contender.FAULTS
    loop: ClassVar[str] = "asyncio"

    def __init__(self) -> None:
        self._calls = itertools.count()
        self._waiting: dict[int, asyncio.Future[Frame]] = {}

    async def connect(self, address: str) -> None:
        self._context = AsyncContext()
        self._socket = self._context.socket(DEALER)
        self._socket.connect(f"tcp://127.0.0.1:{address}")
        self._receiver = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        while True:
            head, body = await self._socket.recv_multipart(copy=False)
            self._waiting.pop(HEAD.unpack(head.buffer)[0]).set_result(body)

    async def _ask(self, op: int, body: Any) -> Frame:
        call = next(self._calls)
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        await self._socket.send_multipart([HEAD.pack(call, 0, op), body], copy=op == ADD)
        return await answer

    async def ask_remote(self, count: int, in_flight: int) -> None:
        async def some(count: int) -> None:
            for number in range(count):
                NUMBER.unpack((await self._ask(ADD, NUMBER.pack(number))).buffer)

        await asyncio.gather(*(some(count // in_flight) for _ in range(in_flight)))

    async def echo(self, array: NDArray[Any], count: int) -> None:
        for _ in range(count):
            body = await self._ask(ECHO, array)
            np.frombuffer(body.buffer, array.dtype).reshape(array.shape)

    async def hang(self) -> None:
        await self._ask(HANG, b"")

    async def close(self) -> None:
        self._receiver.cancel()
        await asyncio.gather(self._receiver, return_exceptions=True)
        self._context.destroy(linger=0)

    def serve(self, announce: Callable[[object], None]) -> None:
        with Context() as context, context.socket(ROUTER) as peer:
            announce(peer.bind_to_random_port("tcp://127.0.0.1"))
            while True:
                client, head, body = peer.recv_multipart(copy=False)
                op = HEAD.unpack(head.buffer)[2]
                if op == ADD:
                    peer.send_multipart([client, head, NUMBER.pack(NUMBER.unpack(body.buffer)[0] + 1)])
                elif op == ECHO:
                    peer.send_multipart([client, head, body], copy=False)
