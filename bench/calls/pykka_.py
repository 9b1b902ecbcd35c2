"""pykka: actors on threads, local only."""

from __future__ import annotations

from typing import Any, ClassVar

import pykka

from bench.calls import contender


class Adder(pykka.ThreadingActor):  # type: ignore[misc]
    """Adds one."""

    def on_receive(self, message: Any) -> Any:
        return message + 1


class Pykka(contender.Contender):
    """ask and tell of an ActorRef."""

    rows: ClassVar[tuple[str, ...]] = contender.LOCAL
    loop: ClassVar[str] = "asyncio"

    async def open(self) -> None:
        self._ref = Adder.start()

    async def ask_local(self, count: int) -> None:
        for number in range(count):
            self._ref.ask(number)

    async def tell_local(self, count: int) -> None:
        for number in range(count):
            self._ref.tell(number)
        self._ref.ask(0)

    async def close(self) -> None:
        self._ref.stop()
