"""Brume: an actor asked and told through a ref, local and over a TCP link, with everything a node switches on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import structlog
import uvloop
from numpy.typing import NDArray

from bench.calls import contender
from runtime import Actor, Node, Options, deadline, op

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


class Adder(Actor[Options]):
    """Adds one, echoes, hangs."""

    @op
    async def add(self, number: int) -> int:
        return number + 1

    @op
    async def echo(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return array

    @op
    async def hang(self) -> None:
        await asyncio.Event().wait()


class Brume(contender.Contender):
    """Deadlines, bounded mailboxes, credit and heartbeats are on: they cannot be switched off."""

    rows: ClassVar[tuple[str, ...]] = contender.ROWS
    loop: ClassVar[str] = "uvloop"

    def __init__(self) -> None:
        self._held = contextlib.AsyncExitStack()

    async def open(self) -> None:
        node = await self._held.enter_async_context(Node("local"))
        self._local = await node.spawn(Adder)

    async def ask_local(self, count: int) -> None:
        for number in range(count):
            await self._local.add(number)

    async def tell_local(self, count: int) -> None:
        for number in range(count):
            await self._local.add.tell(number)
        await self._local.add(0)

    async def connect(self, address: str) -> None:
        node = await self._held.enter_async_context(Node("asker", links={"peer": address}, drain=0))
        self._far = node.ref(Adder, "peer/adder")
        await node.wait_linked("peer")

    async def ask_remote(self, count: int, in_flight: int) -> None:
        async def some(count: int) -> None:
            for number in range(count):
                await self._far.add(number)

        await asyncio.gather(*(some(count // in_flight) for _ in range(in_flight)))

    async def echo(self, array: NDArray[Any], count: int) -> None:
        for _ in range(count):
            await self._far.echo(array)

    async def hang(self) -> None:
        with deadline(60):
            await self._far.hang()

    async def close(self) -> None:
        await self._held.aclose()

    def serve(self, announce: Callable[[object], None]) -> None:
        async def main() -> None:
            async with Node("peer", listen=["tcp://127.0.0.1:0"]) as node:
                await node.spawn(Adder)
                announce(node.addresses[0])
                await node.serve()

        uvloop.run(main())
