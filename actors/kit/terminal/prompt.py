"""Questions to a person, and lines from a terminal, a pipe or a file, read without blocking the loop.

The terminal edits the line itself, so that any of them will do. Questions go to stderr, and only where somebody is
there to read them.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import suppress
from typing import TextIO

READ_BYTES = 1 << 16
LINE_BYTES = 1 << 20  # a longer line is given in parts


class Prompt:
    """Lines of `source` (a descriptor, by default standard input), asked for one at a time."""

    def __init__(self, source: int = 0, *, stream: TextIO | None = None) -> None:
        self._source = source
        self._stream = stream or sys.stderr
        self._asks = os.isatty(source)
        self._buffer = bytearray()
        self._ended = False
        self._interrupted = False
        self._ready = asyncio.Event()  # set when there is something to read, and when interrupted

    async def line(self, question: str = "") -> str | None:
        """The next line without its end; None at the end of input and once interrupted.

        Waits for as long as it takes. Cancelled, it loses nothing of what was typed.
        """
        shown = question if self._asks else ""
        self._say(shown)
        while not (self._interrupted or self._ended or self._whole_line()):
            await self._read()
        if self._interrupted or not self._buffer:
            self._say("\n" if shown else "")
            return None
        return self._take().decode(errors="replace")

    def interrupt(self) -> None:
        """Whoever waits for a line, now or later, gets None."""
        self._interrupted = True
        self._ready.set()

    def _say(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()

    def _whole_line(self) -> bool:
        return b"\n" in self._buffer or len(self._buffer) >= LINE_BYTES

    def _take(self) -> bytes:
        end = self._buffer.find(b"\n", 0, LINE_BYTES) + 1 or min(len(self._buffer), LINE_BYTES)
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line.rstrip(b"\r\n")

    async def _read(self) -> None:
        """Take what there is to read, waiting for it; nothing once interrupted."""
        if _can_be_awaited(self._source):
            await self._readable()
            if self._interrupted:
                return
        chunk = b""
        with suppress(OSError):  # a terminal that hung up, or no standard input at all
            chunk = os.read(self._source, READ_BYTES)
        self._buffer += chunk
        self._ended = not chunk

    async def _readable(self) -> None:
        self._ready.clear()
        loop, blocking = asyncio.get_running_loop(), os.get_blocking(self._source)
        loop.add_reader(self._source, self._ready.set)
        os.set_blocking(self._source, blocking)  # uvloop changes it, for everybody who shares the terminal
        try:
            await self._ready.wait()
        finally:
            loop.remove_reader(self._source)


def _can_be_awaited(source: int) -> bool:
    """A file is read at once; epoll refuses it."""
    try:
        mode = os.fstat(source).st_mode
    except OSError:
        return False
    return os.isatty(source) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
