"""Bare asyncio, the reference: a queue and a task for local calls, streams for remote ones, nothing else."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.calls import contender

HEAD = struct.Struct("!QIB")  # call, body length in bytes, op
NUMBER = struct.Struct("!q")
ADD, ECHO, HANG = range(3)


class PlainAsyncio(contender.Contender):
    """Futures by call number on one connection: what one would write without a runtime."""

    rows: ClassVar[tuple[str, ...]] = contender.ROWS
    loop: ClassVar[str] = "asyncio"

    def __init__(self) -> None:
        self._calls = itertools.count()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._queue: asyncio.Queue[tuple[int, asyncio.Future[int] | None]] = asyncio.Queue(1000)
        self._tasks.append(asyncio.create_task(self._handle()))

    async def _handle(self) -> None:
        while True:
            number, answer = await self._queue.get()
            if answer is not None:
                answer.set_result(number + 1)
            self._queue.task_done()

    async def ask_local(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for number in range(count):
            answer: asyncio.Future[int] = loop.create_future()
            await self._queue.put((number, answer))
            await answer

    async def tell_local(self, count: int) -> None:
        for number in range(count):
            await self._queue.put((number, None))
        await self._queue.join()

    async def connect(self, address: str) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", int(address))
        self._tasks.append(asyncio.create_task(self._receive(reader)))

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                call, length, _ = HEAD.unpack(await reader.readexactly(HEAD.size))
                self._waiting.pop(call).set_result(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as lost:
            for answer in self._waiting.values():
                answer.set_exception(ConnectionError(str(lost)))
            self._waiting.clear()

    async def _ask(self, op: int, body: bytes | memoryview) -> bytes:
        call = next(self._calls)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        self._writer.write(HEAD.pack(call, len(body), op))
        self._writer.write(body)
        await self._writer.drain()
        return await answer

    async def ask_remote(self, count: int, in_flight: int) -> None:
        async def some(count: int) -> None:
            for number in range(count):
                await self._ask(ADD, NUMBER.pack(number))

        await asyncio.gather(*(some(count // in_flight) for _ in range(in_flight)))

    async def echo(self, array: NDArray[Any], count: int) -> None:
        for _ in range(count):
            np.frombuffer(await self._ask(ECHO, array.data.cast("B")), array.dtype).reshape(array.shape)

    async def hang(self) -> None:
        await self._ask(HANG, b"")

    async def close(self) -> None:
        self._writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def serve(self, announce: Callable[[object], None]) -> None:
        asyncio.run(serve(announce))


async def serve(announce: Callable[[object], None]) -> None:
    """The peer's side, on whichever loop runs it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            call, length, op = HEAD.unpack(await reader.readexactly(HEAD.size))
            body = await reader.readexactly(length)
            if op == HANG:
                continue
            if op == ADD:
                body = NUMBER.pack(NUMBER.unpack(body)[0] + 1)
            writer.write(HEAD.pack(call, len(body), op))
            writer.write(body)
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    announce(server.sockets[0].getsockname()[1])
    await server.serve_forever()
