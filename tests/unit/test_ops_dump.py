"""The dump shows where a task waits, down to the innermost await."""

from __future__ import annotations

import asyncio

from runtime.ops.dump import waits_in


async def outer(gate: asyncio.Event) -> None:
    await inner(gate)


async def inner(gate: asyncio.Event) -> None:
    await gate.wait()


async def test_a_suspended_task_shows_its_whole_chain_of_awaits() -> None:
    gate = asyncio.Event()
    task = asyncio.create_task(outer(gate))
    await asyncio.sleep(0)
    waits = [line.split()[0] for line in waits_in(task)]
    assert waits[:3] == ["outer", "inner", "wait"]
    gate.set()
    await task


async def test_an_ended_task_waits_for_nothing() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    assert list(waits_in(task)) == []
