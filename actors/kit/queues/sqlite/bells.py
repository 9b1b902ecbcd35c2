"""How waiting receives hear of messages, across processes and without looking again and again.

A waiter has a FIFO in the folder beside the file, named after its queue. Whoever commits something that can be
received writes one byte into each FIFO of that queue. One whose process has died has no reader; it is removed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PIPE_FULL = 1 << 16


class Bell:
    """The FIFO of one queue in this process, read by the loop that made it."""

    def __init__(self, folder: Path, queue: str) -> None:
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._path = folder / f"{queue}.{name}"
        self._rung = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unread = folder / f".{name}"
        os.mkfifo(unread, 0o600)
        self._fd = os.open(unread, os.O_RDWR | os.O_NONBLOCK)
        unread.rename(self._path)  # only now: one without a reader would be taken for a dead process's
        self._loop.add_reader(self._fd, self._read)

    def next_ring(self) -> asyncio.Event:
        """Set by whatever is committed from now on."""
        return self._rung

    def close(self) -> None:
        """Take the FIFO away."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._fd, PIPE_FULL)
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()


def ring(folder: Path, queues: Iterable[str]) -> None:
    """Wake every process that waits for one of `queues`."""
    names = set(queues)
    with suppress(
        OSError
    ):  # nobody has ever waited, or this process has no descriptor left: waiters look by themselves
        for path in folder.iterdir() if names else ():
            if path.name.partition(".")[0] in names:
                _ring(path)


def _ring(path: Path) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:  # nobody reads it
            path.unlink(missing_ok=True)
        return
    with suppress(BlockingIOError, BrokenPipeError):  # full: it has been rung often enough
        os.write(fd, b"!")
    os.close(fd)
