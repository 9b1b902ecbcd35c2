"""The store port: objects under keys, with compare-and-swap; its errors, and which keys there can be.

No backend is named here, and nothing here waits. One contract suite (`tests/contract/test_stores_*.py`) holds every
backend to these docstrings.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from runtime.errors import Problem

PAGE = 1000  # entries one page of a listing has at most
_UNFIT = re.compile("[\x00-\x1f\x7f\\\\\ud800-\udfff]")


class StoreUnavailable(Problem):
    """The store cannot be reached, throttles, or fails; trying later may help."""

    code = "store_unavailable"
    status = 503


class StoreDenied(Problem):
    """The credentials are missing, expired or not allowed to do this."""

    code = "store_denied"
    status = 403


class NoSuchBucket(Problem):
    """The bucket does not exist."""

    code = "no_such_bucket"
    status = 404


class NoSuchKey(Problem):
    """There is no object under that key."""

    code = "no_such_key"
    status = 404


class KeyRefused(Problem):
    """A key no backend takes, or one that stands in the way of another (`a` beside `a/b`)."""

    code = "key_refused"
    status = 422


class Conflict(Problem):
    """A conditional write found another state than it expected; nothing was written."""

    code = "store_conflict"
    status = 422


class Entry(msgspec.Struct, frozen=True):
    """An object without its bytes. `size` in bytes, `modified` in seconds since 1970 UTC; `etag` changes with it."""

    key: str
    size: int
    etag: str
    modified: float


class Blob(msgspec.Struct, frozen=True):
    """An object's bytes and the etag they had."""

    data: bytes
    etag: str


class Store(Protocol):
    """Objects under keys. A write is durable and visible whole when its call returns, and to every later call.

    Every method raises StoreUnavailable, StoreDenied or NoSuchBucket, and KeyRefused for a key that cannot be.
    """

    async def get(self, key: str) -> Blob:
        """The object. Raises NoSuchKey."""

    async def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` (not included), fewer at the object's end. Raises NoSuchKey."""

    async def put(self, key: str, data: bytes, *, content_type: str = "") -> str:
        """Write, whatever is there; gives the new etag."""

    async def put_if_absent(self, key: str, data: bytes, *, content_type: str = "") -> str:
        """Write where nothing is; gives the etag. Raises Conflict."""

    async def put_if_match(self, key: str, data: bytes, etag: str, *, content_type: str = "") -> str:
        """Write where the object still has `etag`; gives the new one. Raises Conflict, also when it is gone."""

    def list(self, prefix: str = "", *, after: str = "") -> AsyncIterator[Entry]:
        """Every object whose key starts with `prefix` and sorts behind `after`, in the order of UTF-8 bytes.

        Holds one page (1,000 entries) in memory; what changes meanwhile may or may not be seen.
        """

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of these; a key that is not there is no error."""

    async def stat(self, key: str) -> Entry:
        """The object without its bytes. Raises NoSuchKey."""

    async def close(self) -> None:
        """Let go of connections."""


def check_key(key: str) -> None:
    """Raise KeyRefused unless `key` can be a key in every backend, and a path below a folder."""
    parts = key.split("/")
    if not key or any(part in ("", ".", "..") for part in parts):
        raise KeyRefused(f"{key!r} is no key", hint="parts between slashes, none of them empty, . or ..")
    if _UNFIT.search(key):
        raise KeyRefused(f"{key!r} is no key", hint="no control characters and no backslashes")
    if len(key.encode()) > 1024 or any(len(part.encode()) > 255 for part in parts):
        raise KeyRefused(f"{key[:60]!r}… is no key", hint="at most 1,024 bytes, and 255 between slashes")
