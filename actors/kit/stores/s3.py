"""A store in a bucket: `s3://bucket[/prefix]?endpoint_url=…&region=…`, on AWS or on whatever speaks S3.

The server must honour conditional writes (If-Match and If-None-Match), as AWS and versitygw do. Calls are repeated
after resets, throttling and 5xx, with growing pauses spread by chance; each write carries a mark of its own, by which
a conditional one whose answer was lost knows its object. A cancelled write may still happen.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from actors.kit.aws import ERRORS, Account, error_code
from actors.kit.retry import pause_after
from actors.kit.stores import s3_errors
from actors.kit.stores.base import PAGE, Blob, Conflict, Entry, NoSuchKey, check_key
from actors.kit.stores.keys import begins_a_key, is_key
from actors.kit.stores.s3_calls import MARK, bare, delete, read, upload, written

CONCURRENCY = 32  # calls at a time, a connection each
TRIES = 6  # of a write that another one gets in the way of
FIRST_PAUSE = 0.02  # seconds before the second try; others take about as long
OWN_SERVER = {
    "s3": {"addressing_style": "path"},  # a server of one's own rarely has a name for each bucket
    "request_checksum_calculation": "when_required",  # and may not know the newer checksums
    "response_checksum_validation": "when_required",
}


class S3Store:
    """The objects of a bucket below a prefix, as the Store protocol says."""

    def __init__(
        self, bucket: str, prefix: str = "", *, endpoint: str | None = None, region: str | None = None,
        concurrency: int = CONCURRENCY,
    ) -> None:  # fmt: skip
        self._bucket = bucket
        self._above = f"{prefix}/" if prefix else ""
        config: dict[str, Any] = OWN_SERVER if endpoint else {}
        self._account = Account("s3", endpoint, region, max_pool_connections=concurrency, **config)

    @classmethod
    def of(cls, url: str) -> S3Store:
        """The store of an `s3:` URL. Raises ValueError for one with a typo."""
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        endpoint, region = (asked.pop(name, "") for name in ("endpoint_url", "region"))
        prefix = parts.path.strip("/")
        if asked or not parts.netloc or (prefix and not is_key(prefix)):
            raise ValueError(f"{url!r}: s3://BUCKET[/PREFIX] takes ?endpoint_url=… and region=…, and nothing else")
        if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
            raise ValueError(f"{url!r}: endpoint_url is http://… or https://…")
        return cls(parts.netloc, prefix, endpoint=endpoint or None, region=region or None)

    async def get(self, key: str) -> Blob:
        names = self._names(key)
        with self._problems(key):
            async with self._account.use() as client:
                return await read(client, names)

    async def get_range(self, key: str, start: int, stop: int) -> bytes:
        if start >= stop:
            await self.stat(key)
            return b""
        names = self._names(key)
        with self._problems(key):
            async with self._account.use() as client:
                try:
                    return (await read(client, {**names, "Range": f"bytes={start}-{stop - 1}"})).data
                except ERRORS as error:
                    if error_code(error) in s3_errors.BEHIND_THE_END:
                        return b""
                    raise

    async def put(self, key: str, data: bytes, *, content_type: str = "") -> str:
        return await self._write(key, data, content_type, {})

    async def put_if_absent(self, key: str, data: bytes, *, content_type: str = "") -> str:
        return await self._write(key, data, content_type, {"IfNoneMatch": "*"})

    async def put_if_match(self, key: str, data: bytes, etag: str, *, content_type: str = "") -> str:
        return await self._write(key, data, content_type, {"IfMatch": f'"{etag}"'})

    async def list(self, prefix: str = "", *, after: str = "") -> AsyncIterator[Entry]:
        asked = {"Bucket": self._bucket, "Prefix": self._above + prefix}
        behind = {"StartAfter": self._above + after} if after else {}
        more = begins_a_key(prefix)
        while more:
            with self._problems(prefix):
                async with self._account.use() as client:
                    page = await client.list_objects_v2(**asked, **behind, MaxKeys=PAGE)
            found = page.get("Contents", ())
            for each in found:
                key = each["Key"].removeprefix(self._above)
                if is_key(key):
                    yield Entry(key, each["Size"], bare(each["ETag"]), each["LastModified"].timestamp())
            more = bool(found) and page.get("IsTruncated", False)
            behind = {"StartAfter": found[-1]["Key"]} if more else {}

    async def delete(self, keys: Sequence[str]) -> None:
        full = [self._names(key)["Key"] for key in keys]
        with self._problems(", ".join(keys[:3])):
            async with self._account.use() as client:
                for start in range(0, len(full), PAGE):
                    await delete(client, self._bucket, full[start : start + PAGE])

    async def stat(self, key: str) -> Entry:
        names = self._names(key)
        try:
            with self._problems(key):
                async with self._account.use() as client:
                    head = await client.head_object(**names)
        except NoSuchKey:
            await self._ask_for_bucket()
            raise
        return Entry(key, head["ContentLength"], bare(head["ETag"]), head["LastModified"].timestamp())

    async def close(self) -> None:
        """Let go of connections, each when its call is done."""
        await self._account.close()

    async def _write(self, key: str, data: bytes, content_type: str, condition: Mapping[str, str]) -> str:
        names = self._names(key) | ({"ContentType": content_type} if content_type else {})
        marked = names | {"Metadata": {MARK: secrets.token_hex(16)}}
        with self._problems(key):
            for attempt in range(1, TRIES + 1):
                async with self._account.use() as client:
                    try:
                        return await upload(client, marked, data, condition)
                    except ERRORS as error:
                        code = error_code(error)
                        if code in s3_errors.IN_ITS_OWN_WAY and (etag := await written(client, marked)):
                            return etag
                        if condition and code in s3_errors.NO_KEY:
                            raise Conflict(f"{key!r} is gone") from error
                        if code not in s3_errors.PASSING or attempt == TRIES:
                            raise
                await asyncio.sleep(pause_after(attempt, random.random(), first=FIRST_PAUSE))
        raise AssertionError

    async def _ask_for_bucket(self) -> None:
        """Raise NoSuchBucket if that is why there is no key: an answer to HEAD has no room to say so."""
        with self._problems(""):
            async with self._account.use() as client:
                await client.list_objects_v2(Bucket=self._bucket, MaxKeys=1)

    def _names(self, key: str) -> dict[str, str]:
        check_key(self._above + key)
        return {"Bucket": self._bucket, "Key": self._above + key}

    def _problems(self, key: str) -> AbstractContextManager[None]:
        return s3_errors.as_problems(self._bucket, key)
