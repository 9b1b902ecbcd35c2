"""SIGUSR1: every actor, link, child and task of a node goes to the log, each task with what it waits for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from structlog.stdlib import BoundLogger

if TYPE_CHECKING:
    from runtime.node import Node


def install(node: Node, log: BoundLogger) -> None:
    """From now on SIGUSR1 dumps; call it on the node's loop."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, dump, node, log)


def dump(node: Node, log: BoundLogger) -> None:
    """Log all there is to see of `node`, one line a thing."""
    snapshot = node.statistics()
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    log.info(
        "dump of node", name=snapshot.name, state=snapshot.state, actors=len(snapshot.actors),
        links=len(snapshot.links), children=len(snapshot.children), tasks=len(tasks),
    )  # fmt: skip
    for what, things in (("actor", snapshot.actors), ("link", snapshot.links), ("child", snapshot.children)):
        for thing in things:
            log.info(f"dump of {what}", **msgspec.structs.asdict(thing))
    for task in tasks:
        log.info("dump of task", name=task.get_name(), waits=" > ".join(waits_in(task)))


def waits_in(task: asyncio.Task[Any]) -> Iterator[str]:
    """Where a task stands, from its outermost coroutine to the innermost, as `function file:line`.

    `Task.get_stack` shows only the first of these while the task is suspended.
    """
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        frame = frame or getattr(awaited, "ag_frame", None)
        if frame is None:
            return
        yield f"{frame.f_code.co_name} {Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
