"""A store in memory, on the running loop's clock, with scripted faults: the twin of both backends.

`ScriptedStores` is the server, which outlives its clients; `store()` is a client. A write takes effect in one moment
between its call and its return, and a listing sees each page as it is when that page is asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from actors.kit.stores.base import PAGE, Blob, Conflict, Entry, KeyRefused, NoSuchKey, StoreUnavailable, check_key
from tests.support.script import Script, virtual_wall


@dataclass(frozen=True)
class Kept:
    """An object as the server keeps it."""

    data: bytes
    etag: str
    modified: float


@dataclass
class ScriptedStores:
    """The server. Its script is asked by every call of every client."""

    script: Script = field(default_factory=lambda: Script(lambda: StoreUnavailable("the script says so")))
    objects: dict[str, Kept] = field(default_factory=dict)
    writes: int = 0
    _etags: itertools.count[int] = field(default_factory=itertools.count)

    def store(self) -> ScriptedStore:
        """A client."""
        return ScriptedStore(self)

    def find(self, key: str) -> Kept:
        """The object; raises NoSuchKey."""
        if (kept := self.objects.get(key)) is None:
            raise NoSuchKey(f"there is no {key!r}")
        return kept

    def write(self, key: str, data: bytes) -> str:
        """Put the object, unless its key stands in the way of another."""
        parts = key.split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        if any(name in self.objects for name in above) or any(name.startswith(f"{key}/") for name in self.objects):
            raise KeyRefused(f"{key!r} stands in the way of another")
        self.writes += 1
        self.objects[key] = Kept(bytes(data), f"etag-{next(self._etags)}", virtual_wall())
        return self.objects[key].etag


class ScriptedStore:
    """A client of the server."""

    def __init__(self, server: ScriptedStores) -> None:
        self._server = server
        self._script = server.script

    async def get(self, key: str) -> Blob:
        kept = await self._look("get", key)
        return Blob(kept.data, kept.etag)

    async def get_range(self, key: str, start: int, stop: int) -> bytes:
        return (await self._look("get", key)).data[start:stop]

    async def put(self, key: str, data: bytes, *, content_type: str = "") -> str:
        return await self._write(key, data, lambda _: True)

    async def put_if_absent(self, key: str, data: bytes, *, content_type: str = "") -> str:
        return await self._write(key, data, lambda etag: etag is None)

    async def put_if_match(self, key: str, data: bytes, etag: str, *, content_type: str = "") -> str:
        return await self._write(key, data, lambda found: found == etag)

    async def list(self, prefix: str = "", *, after: str = "") -> AsyncIterator[Entry]:
        while True:
            async with self._script.call("list"):
                page = self._page(prefix, after)
            for entry in page:
                yield entry
            if len(page) < PAGE:
                return
            after = page[-1].key

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            check_key(key)
        async with self._script.call("delete"):
            for key in keys:
                self._server.objects.pop(key, None)

    async def stat(self, key: str) -> Entry:
        return _entry(key, await self._look("stat", key))

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _look(self, name: str, key: str) -> Kept:
        check_key(key)
        async with self._script.call(name):
            return self._server.find(key)

    async def _write(self, key: str, data: bytes, fits: Callable[[str | None], bool]) -> str:
        check_key(key)
        async with self._script.call("put"):
            kept = self._server.objects.get(key)
            if not fits(kept.etag if kept else None):
                raise Conflict(f"{key!r} is not what was expected")
            return self._server.write(key, data)

    def _page(self, prefix: str, after: str) -> Sequence[Entry]:
        names = sorted((name for name in self._server.objects if name.startswith(prefix)), key=str.encode)
        behind = [name for name in names if name.encode() > after.encode()]
        return [_entry(name, self._server.objects[name]) for name in behind[:PAGE]]


def _entry(key: str, kept: Kept) -> Entry:
    return Entry(key, len(kept.data), kept.etag, kept.modified)
