"""Stores of objects with compare-and-swap, in a folder or in a bucket: `open_store(url)`."""

from __future__ import annotations

from actors.kit.stores.base import Store


def open_store(url: str) -> Store:
    """The store of a node file's `store`: `file:PATH`, or `s3://bucket[/prefix]?endpoint_url=…&region=…`.

    Connects on first use. Raises ValueError for another URL, ImportError where an extra is missing.
    """
    if url.startswith("file:"):
        from actors.kit.stores.file import FileStore

        return FileStore.of(url)
    if url.startswith("s3:"):
        from actors.kit.stores.s3 import S3Store

        return S3Store.of(url)
    raise ValueError(f"{url!r} is no store: file:PATH or s3://bucket[/prefix]?endpoint_url=…&region=…")
