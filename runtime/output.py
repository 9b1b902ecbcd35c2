"""What a child process writes, line by line, and what its lines say."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

LINE_LIMIT: Final = 64 * 1024  # bytes; a longer line is forwarded in parts
NOT_FIELDS: Final = ("timestamp", "self", "exc_info", "stack_info")  # a logger of ours would take them for its own


@asynccontextmanager
async def forwarded_lines(forward: Callable[[str], None]) -> AsyncIterator[int]:
    """A descriptor for a child to write to, whose lines go to `forward`; the caller closes its copy.

    On leaving, what is in the pipe is still forwarded, but a grandchild that holds it open is not waited for.
    """
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    stream = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", buffering=0)
    )
    pump = asyncio.create_task(_pump(stream, forward), name="child output")
    try:
        yield writing
    finally:
        await asyncio.wait([pump], timeout=1.0)
        pump.cancel()
        transport.close()


async def _pump(stream: asyncio.StreamReader, forward: Callable[[str], None]) -> None:
    rest = b""
    while chunk := await stream.read(LINE_LIMIT):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) >= LINE_LIMIT:
            lines, rest = [*lines, rest], b""
        for line in lines:
            forward(line.decode(errors="replace"))
    if rest:
        forward(rest.decode(errors="replace"))


def parse_line(line: str) -> tuple[int, str, dict[str, Any]]:
    """A child's line as level, event and fields: what a JSON log line says, else the text itself at level info."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        return logging.INFO, line, {}
    for name in NOT_FIELDS:
        fields.pop(name, None)
    level = logging.getLevelNamesMapping().get(str(fields.pop("level", "info")).upper(), logging.INFO)
    return level, fields.pop("event"), fields
