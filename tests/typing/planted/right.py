"""Every line here is right: a type checker has nothing to say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime import Node, Ref
from tests.typing.planted.tally import Other, Tally, TallyOptions


def nowhere(index: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    return None


async def use(node: Node) -> int:
    tally = await node.spawn(Tally, TallyOptions(start=40))
    far: Ref[Tally] = node.ref(Tally, "shop/tally")
    other = await node.spawn(Other)

    total: int = await tally.add(2)
    total += await far.add(2, times=3)
    total += await tally.add_twice(2)
    total += await tally.add.into(nowhere)(2)
    await tally.add.tell(1)
    greeting: str = await other.greet(tally)
    async for running_total in await far.totals():
        total += running_total
    return total + len(greeting)
