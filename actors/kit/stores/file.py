"""A store in a folder: `file:PATH`. Several processes of one host may use it at once, not several hosts.

Objects are plain files under their keys, so a picture can be copied in by hand. Symbolic links are not followed.
A cancelled write may still happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from actors.kit.stores.base import PAGE, Blob, Entry
from actors.kit.stores.folder import Fits, Folder

T = TypeVar("T")

THREADS = 8  # calls at a time; they wait for the disk, not for the processor


class FileStore:
    """The objects below `root`, as the Store protocol says."""

    def __init__(self, root: Path, threads: int = THREADS) -> None:
        self._folder = Folder(root)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"store {root.name}")

    @classmethod
    def of(cls, url: str) -> FileStore:
        """The store of `file:PATH`. Raises ValueError where there is no path."""
        path = url.removeprefix("file:")
        if not path:
            raise ValueError(f"{url!r} names no folder: file:PATH")
        return cls(Path(path))

    async def get(self, key: str) -> Blob:
        return await self._run(lambda: self._folder.get(key))

    async def get_range(self, key: str, start: int, stop: int) -> bytes:
        return await self._run(lambda: self._folder.get_range(key, start, stop))

    async def put(self, key: str, data: bytes, *, content_type: str = "") -> str:
        return await self._put(key, data, lambda _: True)

    async def put_if_absent(self, key: str, data: bytes, *, content_type: str = "") -> str:
        return await self._put(key, data, lambda found: found is None)

    async def put_if_match(self, key: str, data: bytes, etag: str, *, content_type: str = "") -> str:
        return await self._put(key, data, lambda found: found == etag)

    async def list(self, prefix: str = "", *, after: str = "") -> AsyncIterator[Entry]:
        entries = self._folder.walk(prefix, after)
        while page := await self._run(lambda: _next_page(entries)):
            for entry in page:
                yield entry

    async def delete(self, keys: Sequence[str]) -> None:
        await self._run(lambda: self._folder.delete(keys))

    async def stat(self, key: str) -> Entry:
        return await self._run(lambda: self._folder.stat(key))

    async def close(self) -> None:
        """End the threads, each when its call is done."""
        self._pool.shutdown(wait=False)

    async def _put(self, key: str, data: bytes, fits: Fits) -> str:
        return await self._run(lambda: self._folder.put(key, data, fits))

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _next_page(entries: Iterator[Entry]) -> tuple[Entry, ...]:
    return tuple(islice(entries, PAGE))
