"""Streams of values an op hands out, and topics that feed many of them.

A stream buffers; whoever fills it decides what a full buffer means. The runtime pumps a stream over a link with
credit, outside its actor's turn, so a slow reader holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """Values in order, for one reader: `async for value in stream`.

    Iteration ends when the source closed it, or raises the source's error after the values before it.
    `aclose()` tells the source that nobody reads any more.
    """

    def __init__(self, *, capacity: int = 1024, on_close: Callable[[], None] | None = None) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._on_close = on_close
        self._items: deque[T] = deque()
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        """Add a value; when the buffer is full the oldest is dropped and counted in `dropped`."""
        if self._ended:
            return
        if len(self._items) >= self._capacity:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """No more values; the reader sees `error`, if any, after those it still has to read."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        item = self._items.popleft()
        self._taken()
        return item

    async def aclose(self) -> None:
        """Stop reading; the source forgets this reader. Closing twice is fine."""
        self._items.clear()
        self.end()
        if self._on_close is not None:
            on_close, self._on_close = self._on_close, None
            on_close()

    def _taken(self) -> None:
        """The reader took one value; a remote stream gives credit back here."""

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Topic(Generic[T]):
    """Publishes each value to every subscriber; a slow one loses its oldest values, never the others'."""

    def __init__(self, *, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._streams: dict[Stream[T], None] = {}

    def subscribe(self) -> Stream[T]:
        """A stream of everything published from now on."""
        stream: Stream[T] = Stream(capacity=self._capacity, on_close=lambda: self._forget(stream))
        self._streams[stream] = None
        return stream

    def publish(self, item: T) -> None:
        """Hand `item` to every subscriber; never waits."""
        for stream in self._streams:
            stream.put(item)

    def close(self) -> None:
        """End every subscriber's stream."""
        for stream in self._streams:
            stream.end()
        self._streams.clear()

    def __len__(self) -> int:
        return len(self._streams)

    def _forget(self, stream: Stream[T]) -> None:
        self._streams.pop(stream, None)
