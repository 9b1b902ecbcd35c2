"""Listings of a store: all that is there, in one order everywhere, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from actors.kit.stores.base import PAGE, Store

MIXED = [
    "a!/x",
    "a-b",
    "a.b",
    "a/b",
    "a/b-c",
    "a/c/d",
    "a0",
    "b",
    "é",
    "\uffee",
    "😀",
]  # UTF-16 would turn the last two


async def fill(store: Store, keys: Iterable[str]) -> None:
    await asyncio.gather(*(store.put(key, b"") for key in keys))


async def keys(store: Store, prefix: str = "", after: str = "") -> list[str]:
    return [entry.key async for entry in store.list(prefix, after=after)]


async def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert await keys(store) == []


async def test_keys_are_listed_in_the_order_of_their_bytes(store: Store) -> None:
    await fill(store, reversed(MIXED))
    assert await keys(store) == sorted(MIXED, key=str.encode) == MIXED


async def test_a_prefix_may_end_anywhere(store: Store) -> None:
    await fill(store, MIXED)
    for prefix in ("a", "a/", "a/b", "a/c/", "a/c/d", "é", "none", "a/none", "a/b/", "b/", "/", "..", "a//"):
        assert await keys(store, prefix) == [key for key in MIXED if key.startswith(prefix)]


async def test_what_does_not_sort_behind_after_is_left_out(store: Store) -> None:
    await fill(store, MIXED)
    for after in ("a", "a-b", "a.c", "a/", "a/b", "a/c", "a/c/d", "a/c/e", "z", "😀"):
        behind = [key for key in MIXED if key.encode() > after.encode()]
        assert await keys(store, "", after) == behind
        assert await keys(store, "a/", after) == [key for key in behind if key.startswith("a/")]


async def test_entries_tell_sizes(store: Store) -> None:
    await store.put("a/small", b"12")
    await store.put("a/smaller", b"1")
    assert [(entry.key, entry.size) async for entry in store.list("a/")] == [("a/small", 2), ("a/smaller", 1)]


async def test_a_listing_of_several_pages_is_complete_and_many_keys_are_deleted_at_once(store: Store) -> None:
    many = [f"a/{number:05d}" for number in range(PAGE + 5)]
    for start in range(0, len(many), 50):
        await fill(store, many[start : start + 50])
    assert await keys(store) == many
    assert await keys(store, "a/", after=many[2]) == many[3:]
    await store.delete(many)
    assert await keys(store) == []


async def test_a_listing_goes_on_while_objects_come_and_go(store: Store) -> None:
    await fill(store, ["a", "b", "c"])
    listing = store.list()
    assert (await anext(listing)).key == "a"
    await store.delete(["b"])
    await store.put("d", b"")
    rest = [entry.key async for entry in listing]
    assert set(rest) - {"b", "d"} == {"c"}


async def test_a_listing_may_be_left_early(store: Store) -> None:
    await fill(store, MIXED)
    async for entry in store.list():
        assert entry.key == MIXED[0]
        break
