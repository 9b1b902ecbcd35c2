"""Conditional writes of a store: one of those who race wins, and who lost is told."""

from __future__ import annotations

import asyncio

import pytest

from actors.kit.stores.base import Blob, Conflict, Store
from tests.contract.stores import Opener, exact

LARGE = bytes(range(256)) * (40 << 10)  # 10 MiB: several parts where objects travel in parts


async def test_where_nothing_is_put_if_absent_writes(store: Store) -> None:
    etag = await store.put_if_absent("a/key", b"first")
    assert await store.get("a/key") == Blob(b"first", etag)


async def test_where_something_is_put_if_absent_is_a_conflict_and_writes_nothing(store: Store) -> None:
    etag = await store.put("key", b"first")
    with pytest.raises(Conflict):
        await store.put_if_absent("key", b"second")
    assert await store.get("key") == Blob(b"first", etag)


async def test_after_a_delete_put_if_absent_writes_again(store: Store) -> None:
    await store.put_if_absent("key", b"first")
    await store.delete(["key"])
    await store.put_if_absent("key", b"second")
    assert (await store.get("key")).data == b"second"


async def test_with_the_etag_that_is_there_put_if_match_writes(store: Store) -> None:
    etag = await store.put("key", b"0")
    for count in range(1, 4):
        etag = await store.put_if_match("key", b"%d" % count, etag)
    assert await store.get("key") == Blob(b"3", etag)


async def test_the_etag_is_the_same_whoever_tells_it(store: Store) -> None:
    etag = await store.put("key", b"bytes")
    told = [(await store.get("key")).etag, (await store.stat("key")).etag]
    assert {etag, *told, *[entry.etag async for entry in store.list()]} == {etag}


async def test_with_an_older_etag_put_if_match_is_a_conflict_and_writes_nothing(store: Store) -> None:
    old = await store.put("key", b"first")
    new = await store.put("key", b"second")
    with pytest.raises(Conflict):
        await store.put_if_match("key", b"third", old)
    assert await store.get("key") == Blob(b"second", new)


async def test_where_the_object_is_gone_put_if_match_is_a_conflict(store: Store) -> None:
    etag = await store.put("key", b"first")
    await store.delete(["key"])
    for key in ("key", "never/there"):
        with pytest.raises(Conflict):
            await store.put_if_match(key, b"second", etag)
    assert [entry.key async for entry in store.list()] == []


@exact
async def test_a_large_object_is_written_conditionally_like_a_small_one(store: Store) -> None:
    etag = await store.put_if_absent("large", LARGE)
    with pytest.raises(Conflict):
        await store.put_if_absent("large", LARGE[1:])
    with pytest.raises(Conflict):
        await store.put_if_match("large", LARGE[1:], "another")
    etag = await store.put_if_match("large", LARGE[2:], etag)
    assert await store.get("large") == Blob(LARGE[2:], etag)


@exact
async def test_of_many_who_write_where_nothing_is_one_wins(store: Store, open_client: Opener) -> None:
    clients = [open_client() for _ in range(4)]
    for turn in range(10):
        key = f"turn/{turn}"
        writes = [client.put_if_absent(key, b"%d" % number) for number, client in enumerate(clients)]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes if not isinstance(outcome, str)] == [Conflict] * 3
        winner = next(number for number, outcome in enumerate(outcomes) if isinstance(outcome, str))
        assert (await store.get(key)).data == b"%d" % winner
    for client in clients:
        await client.close()


@exact
async def test_of_many_who_count_in_one_object_none_is_lost(store: Store, open_client: Opener) -> None:
    await store.put("count", b"0")
    clients = [open_client() for _ in range(4)]
    await asyncio.gather(*(_count_to(client, 15) for client in clients))
    assert (await store.get("count")).data == b"60"
    for client in clients:
        await client.close()


async def _count_to(store: Store, times: int) -> None:
    while times:
        blob = await store.get("count")
        try:
            await store.put_if_match("count", b"%d" % (int(blob.data) + 1), blob.etag)
            times -= 1
        except Conflict:
            pass
