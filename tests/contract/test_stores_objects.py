"""Objects of a store: what is written is read, by everybody, and under which keys."""

from __future__ import annotations

import time

import pytest

from actors.kit.stores.base import Blob, Conflict, KeyRefused, NoSuchKey, Store
from tests.contract.stores import Opener, over_folders
from tests.support.leaks import checked_for_leaks

LARGE = bytes(range(256)) * (80 << 10)  # 20 MiB: several parts where objects travel in parts

UNUSUAL = [
    "a b", "a+b", "a%20b", "a%2Fb", "a?b=c&d#e", "'single'", '"double"', "<tag>&amp;", "a:b*c|d", ".hidden/..twice",
    "~/$HOME", "é", "e\u0301", "pomme/Äpfel/苹果", "😀/\ufb00.jpg", "x" * 255, "/".join(["d" * 100] * 10),
    "a=b,c;d@e!([f])",
]  # fmt: skip

IMPOSSIBLE = [
    "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb", "\x7f", "\udc80",
    "x" * 256, "é" * 128, "/".join(["d" * 200] * 6),
]  # fmt: skip


async def test_what_is_put_is_got_with_its_etag(store: Store) -> None:
    etag = await store.put("dataset/apple/1.jpg", b"\0\xff\r\n")
    assert await store.get("dataset/apple/1.jpg") == Blob(b"\0\xff\r\n", etag)


async def test_an_object_may_be_empty(store: Store) -> None:
    await store.put("empty", b"")
    assert (await store.get("empty")).data == b""
    assert (await store.stat("empty")).size == 0
    assert await store.get_range("empty", 0, 10) == b""


async def test_a_put_replaces_what_is_there_and_its_etag(store: Store) -> None:
    first = await store.put("key", b"first, and longer")
    second = await store.put("key", b"second")
    assert first != second
    assert await store.get("key") == Blob(b"second", second)


async def test_a_large_object_is_whole(store: Store) -> None:
    etag = await store.put("large", LARGE, content_type="application/octet-stream")
    assert await store.get("large") == Blob(LARGE, etag)
    assert (await store.stat("large")).size == len(LARGE)


async def test_a_write_is_seen_by_another_client_at_once(store: Store, open_client: Opener) -> None:
    other = open_client()
    etag = await store.put("key", b"seen")
    assert await other.get("key") == Blob(b"seen", etag)
    assert [entry.etag async for entry in other.list()] == [etag]
    await other.delete(["key"])
    with pytest.raises(NoSuchKey):
        await store.get("key")
    await other.close()


async def test_a_closed_client_leaves_no_task_thread_or_descriptor(open_client: Opener) -> None:
    async with checked_for_leaks():
        client = open_client()
        await client.put("key", LARGE)
        await client.get("key")
        with pytest.raises(Conflict):
            await client.put_if_absent("key", b"")
        assert [entry.key async for entry in client.list()] == ["key"]
        await client.close()


async def test_what_is_not_there_is_no_such_key(store: Store) -> None:
    await store.put("there/key", b"")
    for key in ("nothing", "there", "there/key/below", "there/no", "no/folder/at/all"):
        with pytest.raises(NoSuchKey):
            await store.get(key)
        with pytest.raises(NoSuchKey):
            await store.get_range(key, 0, 1)
        with pytest.raises(NoSuchKey):
            await store.stat(key)


async def test_a_range_ends_where_the_object_ends(store: Store) -> None:
    await store.put("digits", b"0123456789")
    ranges = {(0, 10): b"0123456789", (3, 5): b"34", (8, 100): b"89", (10, 12): b"", (50, 60): b"", (4, 4): b""}
    assert {each: await store.get_range("digits", *each) for each in ranges} == ranges


async def test_an_empty_range_of_nothing_is_no_such_key(store: Store) -> None:
    with pytest.raises(NoSuchKey):
        await store.get_range("nothing", 4, 4)


async def test_stat_tells_size_etag_and_when_it_was_written(store: Store, store_kind: str) -> None:
    before = time.time()
    etag = await store.put("key", b"four")
    entry = await store.stat("key")
    assert (entry.key, entry.size, entry.etag) == ("key", 4, etag)
    if store_kind != "scripted":  # which lives on the loop's clock
        assert before - 1 <= entry.modified <= time.time() + 1  # S3 tells whole seconds


async def test_an_unusual_key_is_put_got_listed_and_deleted(store: Store) -> None:
    etags = {key: await store.put(key, key.encode()) for key in UNUSUAL}
    for key, etag in etags.items():
        assert await store.get(key) == Blob(key.encode(), etag)
        assert [entry.key async for entry in store.list(key)] == [key]
    assert {entry.key: entry.etag async for entry in store.list()} == etags
    await store.delete(UNUSUAL)
    assert [entry.key async for entry in store.list()] == []


async def test_a_key_that_cannot_be_is_refused_by_every_method(store: Store) -> None:
    for key in IMPOSSIBLE:
        calls = (
            store.get(key), store.get_range(key, 0, 1), store.stat(key), store.put(key, b""),
            store.put_if_absent(key, b""), store.put_if_match(key, b"", "etag"), store.delete([key]),
        )  # fmt: skip
        for call in calls:
            with pytest.raises(KeyRefused):
                await call
    assert [entry.key async for entry in store.list()] == []


@over_folders
async def test_a_key_in_the_way_of_another_is_refused_and_nothing_is_lost(store: Store) -> None:
    await store.put("a/b/c", b"below")
    for key in ("a", "a/b", "a/b/c/d", "a/b/c/d/e"):
        with pytest.raises(KeyRefused):
            await store.put(key, b"in the way")
        with pytest.raises(KeyRefused):
            await store.put_if_absent(key, b"in the way")
    assert (await store.get("a/b/c")).data == b"below"
    assert [entry.key async for entry in store.list()] == ["a/b/c"]


async def test_deleting_takes_what_is_there_and_minds_nothing_else(store: Store) -> None:
    await store.put("a/1", b"")
    await store.put("a/2", b"")
    await store.put("a/3", b"")
    await store.delete(["a/1", "a/nothing", "no/folder", "a/2", "a/1", "a"])
    assert [entry.key async for entry in store.list()] == ["a/3"]
    await store.delete([])


async def test_a_refused_key_among_the_deleted_deletes_nothing(store: Store) -> None:
    await store.put("kept", b"")
    with pytest.raises(KeyRefused):
        await store.delete(["kept", "../kept"])
    assert [entry.key async for entry in store.list()] == ["kept"]


async def test_after_its_last_object_a_folders_name_is_free(store: Store) -> None:
    await store.put("a/b/c", b"")
    await store.delete(["a/b/c"])
    await store.put("a", b"now a key")
    assert (await store.get("a")).data == b"now a key"
