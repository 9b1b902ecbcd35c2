"""xoscar: actors in pools, local and over TCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, ClassVar

import xoscar
from numpy.typing import NDArray

from bench.calls import contender


class Adder(xoscar.Actor):  # type: ignore[misc]
    """Adds one, echoes, hangs."""

    async def add(self, number: int) -> int:
        return number + 1

    async def echo(self, array: NDArray[Any]) -> NDArray[Any]:
        return array

    async def hang(self) -> None:
        await asyncio.Event().wait()


class Xoscar(contender.Contender):
    """A main pool without sub-pools on either side, so a local call stays in the process."""

    rows: ClassVar[tuple[str, ...]] = contender.ROWS
    loop: ClassVar[str] = "asyncio"

    async def open(self) -> None:
        address = free_address()
        self._pool = await xoscar.create_actor_pool(address, n_process=0)
        self._local = await xoscar.create_actor(Adder, address=address, uid="local")

    async def ask_local(self, count: int) -> None:
        for number in range(count):
            await self._local.add(number)

    async def tell_local(self, count: int) -> None:
        for number in range(count):
            await self._local.add.tell(number)
        await self._local.add(0)

    async def connect(self, address: str) -> None:
        self._far = await xoscar.actor_ref(address=address, uid="adder")

    async def ask_remote(self, count: int, in_flight: int) -> None:
        async def some(count: int) -> None:
            for number in range(count):
                await self._far.add(number)

        await asyncio.gather(*(some(count // in_flight) for _ in range(in_flight)))

    async def echo(self, array: NDArray[Any], count: int) -> None:
        for _ in range(count):
            await self._far.echo(array)

    async def hang(self) -> None:
        await self._far.hang()

    async def close(self) -> None:
        await self._pool.stop()

    def serve(self, announce: Callable[[object], None]) -> None:
        async def main() -> None:
            address = free_address()
            pool = await xoscar.create_actor_pool(address, n_process=0)
            await xoscar.create_actor(Adder, address=address, uid="adder")
            announce(address)
            await pool.join()

        asyncio.run(main())


def free_address() -> str:
    """A pool wants its port named: one that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
