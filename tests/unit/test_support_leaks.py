"""The leak checks find what they are there to find."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.support.leaks import BlockingCall, blocking_forbidden, checked_for_leaks, eventually


async def test_a_clean_body_passes() -> None:
    async with checked_for_leaks():
        await asyncio.create_task(asyncio.sleep(0))


async def test_a_forgotten_task_is_named() -> None:
    forgotten: asyncio.Task[bool] | None = None
    with pytest.raises(pytest.fail.Exception, match="the-forgotten-one"):
        async with checked_for_leaks(settle=0):
            forgotten = asyncio.create_task(asyncio.Event().wait(), name="the-forgotten-one")
    assert forgotten is not None
    forgotten.cancel()


async def test_an_open_descriptor_is_named() -> None:
    reader, writer = -1, -1
    with pytest.raises(pytest.fail.Exception, match=r"descriptor .* pipe"):
        async with checked_for_leaks(settle=0):
            reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)


async def test_a_running_thread_is_named() -> None:
    finish = threading.Event()
    with pytest.raises(pytest.fail.Exception, match=r"thread .*left-over"):
        async with checked_for_leaks(settle=0):
            threading.Thread(target=finish.wait, name="left-over").start()
    finish.set()


async def test_a_child_is_named_even_as_a_zombie() -> None:
    child: subprocess.Popen[bytes] | None = None
    with pytest.raises(pytest.fail.Exception, match="child process"):
        async with checked_for_leaks(settle=0):
            child = subprocess.Popen([sys.executable, "-c", ""])  # noqa: ASYNC220 - it ends at once
    assert child is not None
    child.wait()


async def test_a_blocking_call_on_the_loop_is_refused() -> None:
    left, right = socket.socketpair()
    with left, right, blocking_forbidden():
        with pytest.raises(BlockingCall, match=r"time\.sleep"):
            time.sleep(1)  # noqa: ASYNC251 - the mistake itself
        with pytest.raises(BlockingCall, match=r"socket\.recv"):
            left.recv(1)


async def test_the_same_call_in_a_thread_or_without_waiting_is_allowed() -> None:
    left, right = socket.socketpair()
    left.setblocking(False)
    with left, right, blocking_forbidden():
        await asyncio.to_thread(time.sleep, 0)
        with pytest.raises(BlockingIOError):
            left.recv(1)


async def test_eventually_waits_for_the_condition() -> None:
    seen: list[int] = []

    def third_time() -> bool:
        seen.append(1)
        return len(seen) == 3

    assert await eventually(third_time)
    assert not await eventually(lambda: False, within=0)
