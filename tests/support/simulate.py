"""`@simulate()`: run a test's story on many seeds, and say how to run the failing one again.

A run fails on an exception nobody took, on a standstill, and on anything left behind: tasks, timers, connections,
listeners. BRUME_LONG=1 runs thousands of seeds, BRUME_SEED=N exactly one.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import structlog

from tests.support.simloop import SimLoop
from tests.support.simnet import Network

LONG = 50
GRACE = 1.0


class Leak(AssertionError):
    """The story ended, and something of it goes on."""


def simulate(seeds: int = 100, *, limit: float = 1000.0) -> Callable[[Callable[..., Awaitable[None]]], Any]:
    """Make a sync test of `async def story(network, …)`, run once for each seed; `limit` is in virtual seconds."""

    def decorate(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        def test(**fixtures: Any) -> None:
            for seed in _chosen(seeds):
                try:
                    run_seed(story, seed, limit=limit, **fixtures)
                except BaseException as error:
                    error.add_note(f"seed {seed}; again with: {_command(seed)}")
                    raise

        parameters = list(inspect.signature(story).parameters.values())[1:]
        test.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        test.__name__, test.__doc__, test.__module__ = story.__name__, story.__doc__, story.__module__
        return test

    return decorate


def run_seed(
    story: Callable[..., Awaitable[None]], seed: int, *, limit: float = 1000.0, trace: bool = False, **fixtures: Any
) -> list[str]:
    """One run; gives its trace (a line for each callback) if asked to keep one."""
    loop = SimLoop(seed, limit)
    loop.network = Network(loop)
    loop.trace = [] if trace else None
    with _seeded_entropy(loop), _quiet():
        try:
            loop.run_until_complete(_told(story, loop.network, fixtures))
            _check(loop)
        finally:
            _unwind(loop)
            loop.close()
    return loop.trace or []


async def _told(story: Callable[..., Awaitable[None]], network: Network, fixtures: dict[str, Any]) -> None:
    await story(network, **fixtures)
    await asyncio.sleep(GRACE)


def _check(loop: SimLoop) -> None:
    if loop.errors:
        first = loop.errors[0]
        raise Leak(f"{len(loop.errors)} errors nobody took, first: {first}") from first.get("exception")
    network = loop.network
    left: dict[str, list[Any]] = {
        "tasks": [task for task, host in loop.tasks.items() if host not in network.killed],
        "timers": [timer for timer, host in loop.timers().items() if host not in network.killed],
        "connections": list(network.transports),
        "listeners": list(network.listeners),
    }
    if any(left.values()):
        raise Leak("left behind: " + "; ".join(f"{what}: {things}" for what, things in left.items() if things))


def _unwind(loop: SimLoop) -> None:
    """Let the tasks of dead hosts and of a failed story run their finally blocks, in a loop that still exists."""
    loop.thaw_all()
    for _ in range(3):
        for transport in list(loop.network.transports):
            transport.abort()
        if tasks := loop.pending():
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks, timeout=60.0))


def _chosen(seeds: int) -> Iterable[int]:
    if replay := os.environ.get("BRUME_SEED"):
        return [int(replay)]
    return range(seeds * LONG if os.environ.get("BRUME_LONG") == "1" else seeds)


def _command(seed: int) -> str:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").removesuffix(" (call)")
    return f"BRUME_SEED={seed} python -m pytest '{test}'"


@contextmanager
def _quiet() -> Iterator[None]:
    """Thousands of runs log nothing; the replay of one does."""
    if "BRUME_SEED" in os.environ:
        yield
        return
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def _seeded_entropy(loop: SimLoop) -> Iterator[None]:
    """Jitter, nonces and random names come from the seed too."""
    before = random.getstate()
    random.seed(loop.random.random())
    entropy = random.Random(loop.random.random())

    class Seeded(random.Random):
        def __init__(self, x: Any = None) -> None:
            super().__init__(entropy.random() if x is None else x)

    try:
        with (
            mock.patch("os.urandom", entropy.randbytes),
            mock.patch("random._urandom", entropy.randbytes),
            mock.patch("random.Random", Seeded),
        ):
            yield
    finally:
        random.setstate(before)
