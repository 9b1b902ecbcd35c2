"""What goes wrong between a bucket and us: lost answers, resets, throttling, missing buckets, half an upload."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from actors.kit.aws import borrow, give_back
from actors.kit.stores import open_store
from actors.kit.stores.base import Blob, Conflict, NoSuchBucket, Store, StoreDenied, StoreUnavailable
from tests.support.servers.kinds import VersityGw
from tests.support.toxic import Call, Forward, Toxic, ToxicProxy, cut, refuse, reset, toxic_proxy

LARGE = bytes(range(256)) * (40 << 10)  # 10 MiB: two parts


@pytest.fixture
async def proxy(versitygw: VersityGw) -> AsyncIterator[ToxicProxy]:
    """Between us and versitygw."""
    async with toxic_proxy(versitygw.endpoint) as proxy:
        yield proxy


@pytest.fixture
def bucket(versitygw: VersityGw) -> str:
    """A bucket of the test's own."""
    name = f"faults-{uuid4().hex}"
    versitygw.store_url(bucket=name)
    return name


@pytest.fixture
async def store(proxy: ToxicProxy, bucket: str) -> AsyncIterator[Store]:
    """The bucket behind the proxy."""
    store = open_store(f"s3://{bucket}?endpoint_url={proxy.endpoint}&region=us-east-1")
    yield store
    await store.close()


@pytest.fixture
async def client(versitygw: VersityGw) -> AsyncIterator[Any]:
    """Another program's client of the same server, with no proxy between."""
    client = await borrow("s3", versitygw.endpoint, "us-east-1", s3={"addressing_style": "path"})
    yield client
    await give_back(client)


def says(status: int, code: str) -> Toxic:
    """Nothing is done, and the server answers with this code."""

    async def toxic(call: Call, forward: Forward) -> web.Response:
        return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml")

    return toxic


async def pass_on(call: Call, forward: Forward) -> web.Response:
    """Nothing goes wrong."""
    return await forward()


async def breaks_off(call: Call, forward: Forward) -> web.Response:
    """Half the body arrives, then the connection is reset."""
    whole = await forward()
    assert isinstance(whole.body, bytes)
    half = web.StreamResponse(headers={"ETag": whole.headers["ETag"], "Content-Length": str(len(whole.body))})
    await half.prepare(call.request)
    await half.write(whole.body[: len(whole.body) // 2])
    assert call.request.transport is not None
    call.request.transport.close()
    return half  # type: ignore[return-value]  # which has been sent, as far as it goes


@pytest.mark.parametrize("toxic", [reset(), cut(), refuse("throttled"), refuse("broken"), refuse("unavailable")])
async def test_one_failure_of_the_server_is_tried_again_and_not_noticed(
    store: Store, proxy: ToxicProxy, toxic: Toxic
) -> None:
    for operation in ("PUT", "GET", "HEAD", "POST"):
        proxy.once(toxic, operation)
    await store.put("key", b"bytes")
    assert (await store.get("key")).data == b"bytes"
    assert (await store.stat("key")).size == 5
    await store.delete(["key"])
    proxy.once(toxic, "GET")
    assert [entry async for entry in store.list()] == []


async def test_a_body_that_breaks_off_is_read_again(store: Store, proxy: ToxicProxy) -> None:
    etag = await store.put("key", LARGE)
    proxy.once(breaks_off, "GET", calls=2)
    assert await store.get("key") == Blob(LARGE, etag)
    proxy.once(breaks_off, "GET")
    assert await store.get_range("key", 5, 1005) == LARGE[5:1005]


async def test_a_conditional_write_whose_answer_was_lost_knows_its_object(store: Store, proxy: ToxicProxy) -> None:
    proxy.once(cut(), "PUT")
    etag = await store.put_if_absent("key", b"first")
    proxy.once(cut(), "PUT", calls=2)
    etag = await store.put_if_match("key", b"second", etag)
    assert await store.get("key") == Blob(b"second", etag)


async def test_a_large_write_whose_answer_was_lost_knows_its_object(store: Store, proxy: ToxicProxy) -> None:
    for write in (store.put_if_absent, store.put):
        proxy.once(pass_on, "POST")  # which starts the upload; the next one completes it
        proxy.once(cut(), "POST")
        etag = await write("key", LARGE)
        assert await store.get("key") == Blob(LARGE, etag)


async def test_a_repeated_write_that_finds_another_ones_equal_bytes_is_a_conflict(
    store: Store, proxy: ToxicProxy, client: Any, bucket: str
) -> None:
    async def another_writes(call: Call, forward: Forward) -> web.Response:
        await client.put_object(Bucket=bucket, Key="key", Body=b"equal")
        return web.Response(status=500)

    proxy.once(another_writes, "PUT")
    with pytest.raises(Conflict):
        await store.put_if_absent("key", b"equal")


async def test_a_conflict_of_requests_is_tried_again_before_it_is_told(store: Store, proxy: ToxicProxy) -> None:
    proxy.once(says(409, "ConditionalRequestConflict"), "PUT", calls=2)
    etag = await store.put_if_absent("key", b"first")
    with proxy.toxic(says(409, "ConditionalRequestConflict"), "PUT"), pytest.raises(Conflict):
        await store.put_if_match("key", b"second", etag)


async def test_where_the_object_is_gone_aws_answers_404_and_that_is_a_conflict(store: Store, proxy: ToxicProxy) -> None:
    proxy.once(says(404, "NoSuchKey"), "PUT")
    with pytest.raises(Conflict):
        await store.put_if_match("key", b"bytes", "etag")


async def test_a_large_write_that_fails_leaves_no_parts(
    store: Store, proxy: ToxicProxy, client: Any, bucket: str
) -> None:
    with proxy.toxic(refuse("broken"), "PUT"), pytest.raises(StoreUnavailable):
        await store.put("key", LARGE)
    assert (await client.list_multipart_uploads(Bucket=bucket)).get("Uploads", []) == []
    assert [entry async for entry in store.list()] == []


async def test_keys_the_server_could_not_delete_are_tried_again(store: Store, proxy: ToxicProxy) -> None:
    await store.put("a", b"")
    await store.put("b", b"")

    async def not_b(call: Call, forward: Forward) -> web.Response:
        error = "<Error><Key>b</Key><Code>InternalError</Code></Error>"
        return web.Response(text=f"<DeleteResult>{error}</DeleteResult>", content_type="application/xml")

    proxy.once(not_b, "POST")
    await store.delete(["b"])
    assert [entry.key async for entry in store.list()] == ["a"]
    with proxy.toxic(not_b, "POST"), pytest.raises(StoreUnavailable):
        await store.delete(["b"])


async def test_a_server_that_is_away_is_unavailable_until_it_is_back(own_versitygw: VersityGw) -> None:
    store = open_store(own_versitygw.store_url(bucket="away"))
    await store.put("key", b"kept")
    await own_versitygw.stop()
    for call in (store.get("key"), store.put("key", b""), store.delete(["key"])):
        with pytest.raises(StoreUnavailable):
            await call
    await own_versitygw.start()
    assert (await store.get("key")).data == b"kept"
    await store.close()


async def test_refused_credentials_are_denied_and_renewed_ones_are_picked_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = os.environ["AWS_SECRET_ACCESS_KEY"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "expired")
    with pytest.raises(StoreDenied) as caught:
        await store.put("key", b"")
    assert "credentials" in caught.value.hint
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key)
    await store.put("key", b"")


async def test_a_bucket_that_is_not_there_is_named_by_every_method(versitygw: VersityGw) -> None:
    store = open_store(f"s3://not-there?endpoint_url={versitygw.endpoint}&region=us-east-1")
    calls = (
        store.get("k"), store.get_range("k", 0, 1), store.get_range("k", 0, 0), store.put("k", b""),
        store.put_if_absent("k", b""), store.put_if_match("k", b"", "e"), store.put("k", LARGE), store.stat("k"),
        store.delete(["k"]), anext(aiter(store.list())),
    )  # fmt: skip
    for call in calls:
        with pytest.raises(NoSuchBucket, match="not-there"):
            await call
    await store.close()


async def test_below_a_prefix_nothing_else_is_seen(versitygw: VersityGw, bucket: str) -> None:
    whole = open_store(versitygw.store_url(bucket=bucket))
    below = open_store(versitygw.store_url(bucket=bucket, prefix="some/prefix"))
    await whole.put("some/prefixed", b"")
    etag = await below.put("a/key", b"bytes")
    assert await whole.get("some/prefix/a/key") == Blob(b"bytes", etag)
    assert [entry.key async for entry in below.list()] == ["a/key"]
    assert [entry.key async for entry in below.list("a", after="a/kex")] == ["a/key"]
    await below.delete(["a/key"])
    assert [entry.key async for entry in whole.list()] == ["some/prefixed"]
    await whole.close()
    await below.close()


async def test_folders_other_programs_make_are_no_objects(store: Store, client: Any, bucket: str) -> None:
    await client.put_object(Bucket=bucket, Key="dataset/", Body=b"")
    await store.put("dataset/apple/1.jpg", b"")
    assert [entry.key async for entry in store.list("dataset")] == ["dataset/apple/1.jpg"]


async def test_the_content_type_is_kept(store: Store, client: Any, bucket: str) -> None:
    await store.put("small.jpg", b"", content_type="image/jpeg")
    await store.put_if_absent("large.jpg", LARGE, content_type="image/jpeg")
    for key in ("small.jpg", "large.jpg"):
        assert (await client.head_object(Bucket=bucket, Key=key))["ContentType"] == "image/jpeg"
