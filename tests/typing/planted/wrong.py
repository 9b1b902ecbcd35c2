"""Every line marked `planted` is wrong, and no other: a type checker must find exactly those."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime import Actor, Node, Options, Ref, op
from tests.typing.planted.tally import Other, Tally, TallyOptions


def nowhere(index: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    return None


class Careless(Actor[Options]):
    @op  # planted: an op that is not async
    def add(self, n: int) -> int:
        return n


async def use(node: Node) -> tuple[object, ...]:
    tally = await node.spawn(Tally, TallyOptions(start=40))
    far: Ref[Tally] = node.ref(Tally, "shop/tally")
    other = await node.spawn(Other)

    await tally.add("two")  # planted: a wrong argument
    await far.add("two")  # planted: the same through a ref to another node
    await tally.add()  # planted: an argument short
    await tally.add(2, 3)  # planted: an argument too many
    await tally.add(2, time=3)  # planted: a misspelt keyword
    await tally.subtract(2)  # planted: no such op
    text: str = await tally.add(2)  # planted: a misused result
    tally.add(2)  # planted: a forgotten await
    total: int = tally.add(2)  # planted: a forgotten await, its result used
    await tally.add.tell("two")  # planted: a wrong argument in a tell
    told: int = await tally.add.tell(2)  # planted: a tell has no result
    await tally.tell(2)  # planted: a tell belongs to an op
    tally.add.tell(2)  # planted: a tell that is never awaited
    await tally.add.into(nowhere)("two")  # planted: a wrong argument for a placed answer
    await tally.add.into(print)  # planted: an answer placed by something that is not a place
    await other.greet(other)  # planted: a ref to another kind of actor
    mistaken: Ref[Other] = node.ref(Tally, "shop/tally")  # planted: a ref declared as another
    async for word in await far.totals():
        word.upper()  # planted: a misused item of a stream
    return text, total, told, mistaken
