"""Leak checks: what a test leaves behind (tasks, threads, descriptors, children), and calls that block the loop.

Use as fixtures (`no_leaks`, `no_blocking`) or as context managers (`checked_for_leaks`, `blocking_forbidden`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

SETTLE = 5.0  # seconds for closing sockets, threads and children to be gone
KEPT_OPEN = ("/dev/urandom", "/dev/null")  # the interpreter and libraries keep these for themselves
KEPT_THREADS = ("asyncio_", "uvloop_", "pytest_timeout", "ThreadPoolExecutor-")  # pools of the loop itself

BLOCKING: tuple[tuple[Any, str], ...] = (
    (time, "sleep"),
    (os, "fsync"),
    (subprocess.Popen, "wait"),
    (subprocess.Popen, "communicate"),
    *((socket.socket, name) for name in ("connect", "accept", "recv", "recv_into", "send", "sendall")),
)


class BlockingCall(BaseException):
    """Code on an event loop made a call that blocks; a BaseException, so nothing swallows it."""


@dataclass(frozen=True)
class Belongings:
    """What the process holds at one moment; every item words itself."""

    tasks: frozenset[asyncio.Task[Any]]
    threads: frozenset[threading.Thread]
    descriptors: frozenset[tuple[int, str]]
    children: frozenset[int]

    @classmethod
    def now(cls) -> Belongings:
        """Look."""
        return cls(
            frozenset(asyncio.all_tasks() - {asyncio.current_task()}),  # whoever looks does not count
            frozenset(t for t in threading.enumerate() if not t.name.startswith(KEPT_THREADS)),
            frozenset(open_descriptors()),
            frozenset(children_of(os.getpid())),
        )

    def beyond(self, before: Belongings) -> list[str]:
        """What is here that was not there `before`."""
        return [
            *(f"task {task!r}" for task in self.tasks - before.tasks),
            *(f"thread {thread!r}" for thread in self.threads - before.threads),
            *(f"descriptor {number} → {target}" for number, target in self.descriptors - before.descriptors),
            *(f"child process {pid}" for pid in self.children - before.children),
        ]


def open_descriptors() -> Iterator[tuple[int, str]]:
    """Every open descriptor of this process with what it points to."""
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the listing's own descriptor is gone again
            target = os.readlink(f"/proc/self/fd/{number}")
            if target not in KEPT_OPEN and not target.startswith("/proc/"):
                yield int(number), target


def children_of(parent: int) -> Iterator[int]:
    """The pids whose parent is `parent`, zombies included."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(after_name[1]) == parent:
                    yield int(entry.name)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], within: float = SETTLE) -> bool:
    """Poll until `condition()` holds or `within` seconds passed; whether it came to hold."""
    end = time.monotonic() + within
    while True:
        result = condition()
        if (await result) if isinstance(result, Awaitable) else result:
            return True
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)


@asynccontextmanager
async def checked_for_leaks(settle: float = SETTLE) -> AsyncIterator[None]:
    """Fail if, `settle` seconds after the body, something is still there that was not there before it."""
    before = Belongings.now()
    yield
    if not await eventually(lambda: not Belongings.now().beyond(before), settle):
        left = "\n  ".join(Belongings.now().beyond(before))
        pytest.fail(f"left behind {settle:g} s later:\n  {left}")


@contextmanager
def blocking_forbidden() -> Iterator[None]:
    """Calls that would block make `BlockingCall` when they come from a thread with a running loop."""
    with ExitStack() as patches:
        for owner, name in BLOCKING:
            call = getattr(owner, name)
            patches.enter_context(patch.object(owner, name, _guarded(f"{owner.__name__}.{name}", call)))
        yield


def _guarded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def guard(*args: Any, **kwargs: Any) -> Any:
        patient = bool(args) and isinstance(args[0], socket.socket) and args[0].gettimeout() == 0
        if not patient and _on_a_loop():
            raise BlockingCall(f"{name} on the event loop")
        return call(*args, **kwargs)

    return guard


def _on_a_loop() -> bool:
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        return True
    return False


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """The test leaves no task, thread, descriptor or child process behind."""
    async with checked_for_leaks():
        yield


@pytest.fixture
def no_blocking() -> Iterator[None]:
    """The test's own loop is never blocked by a sleep, a wait, an fsync or a blocking socket."""
    with blocking_forbidden():
        yield
