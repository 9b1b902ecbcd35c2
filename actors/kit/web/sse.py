"""Server-sent events: a stream of values as `text/event-stream`, with keep-alives, for as long as the reader stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeVar

from aiohttp import web

KEEP_ALIVE_SECONDS = 15.0
RECONNECT_MS = 2000

T_co = TypeVar("T_co", covariant=True)


class Closable(Protocol[T_co]):
    """What can be read item by item and closed early, as `runtime.Stream`."""

    def __aiter__(self) -> AsyncIterator[T_co]: ...
    async def aclose(self) -> None: ...


class Event(NamedTuple):
    """One event: its name, its data (JSON or other text), and whether it is the last."""

    name: str
    data: str
    last: bool = False


def encode(event: Event) -> bytes:
    """The event as it travels; data of several lines stays several lines."""
    lines = "".join(f"data: {line}\n" for line in event.data.split("\n"))
    return f"event: {event.name}\n{lines}\n".encode()


async def send_events(
    request: web.Request,
    events: Closable[Event],
    *,
    stopping: asyncio.Event,
    keep_alive: float = KEEP_ALIVE_SECONDS,
) -> web.StreamResponse:
    """Send `events` until the last, the end of the source, the reader's leaving, or `stopping`.

    A comment goes out after every `keep_alive` seconds of silence: proxies keep the connection, and a reader that
    left without a word is found. The source is closed in every case.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    end = asyncio.ensure_future(stopping.wait())
    coming: asyncio.Future[Event | None] | None = None
    source = events.__aiter__()
    try:
        await response.prepare(request)
        await response.write(f"retry: {RECONNECT_MS}\n\n".encode())
        while True:
            coming = coming or asyncio.ensure_future(_next(source))
            await asyncio.wait((coming, end), timeout=keep_alive, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                event, coming = coming.result(), None
                if event is None:
                    break
                await response.write(encode(event))
                if event.last:
                    break
            elif end.done():
                break
            else:
                await response.write(b": keep-alive\n\n")
    except ConnectionError:
        pass  # the reader left; nothing is owed to it
    finally:
        await _drop(end, coming)
        await events.aclose()
    return response


async def _next(source: AsyncIterator[Event]) -> Event | None:
    return await anext(source, None)


async def _drop(*futures: asyncio.Future[Any] | None) -> None:
    for future in futures:
        if future is not None:
            future.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await future
