"""What takes more than one call of an S3 client: large objects, bodies that break off, and many deletions.

Raises what the client raises.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from actors.kit.aws import ERRORS, error_code
from actors.kit.retry import pause_after
from actors.kit.stores.base import Blob
from actors.kit.stores.s3_errors import NO_KEY

PART = 8 << 20  # bytes of a part, and of the largest object that goes in one call
PARTS_AT_A_TIME = 4
TRIES = 4  # of a body that breaks off, and of single keys that could not be deleted

MARK = "brume-write"  # the metadata that tells which write an object is of

Names = Mapping[str, Any]  # Bucket, Key and what else a call is told


def bare(etag: str) -> str:
    """An ETag without its quotes, which some servers forget in some answers."""
    return etag.strip('"')


async def read(client: Any, names: Names) -> Blob:
    """The object, or the Range of it; read again when its body breaks off, which the client does not do itself."""
    for attempt in range(1, TRIES + 1):
        answer = await client.get_object(**names)
        try:
            async with answer["Body"] as body:
                return Blob(await body.read(), bare(answer["ETag"]))
        except ERRORS:
            if attempt == TRIES:
                raise
        await asyncio.sleep(pause_after(attempt, random.random()))
    raise AssertionError


async def upload(client: Any, names: Names, data: bytes, condition: Names) -> str:
    """Write the object under `condition` (IfMatch, IfNoneMatch or nothing), in parts if it is large; its etag."""
    if len(data) <= PART:
        answer = await client.put_object(**names, **condition, Body=data)
    else:
        answer = await _upload_in_parts(client, names, data, condition)
    return bare(answer["ETag"])


async def written(client: Any, names: Names) -> str | None:
    """The etag of the object if it was written with these `names`, which hold the write's mark.

    A call whose answer was lost is repeated below us, and is then refused because of what it has done itself.
    """
    try:
        head = await client.head_object(Bucket=names["Bucket"], Key=names["Key"])
    except ClientError as error:
        if error_code(error) in NO_KEY:
            return None
        raise
    return bare(head["ETag"]) if head.get("Metadata", {}).get(MARK) == names["Metadata"][MARK] else None


async def _upload_in_parts(client: Any, names: Names, data: bytes, condition: Names) -> Any:
    made = await client.create_multipart_upload(**names)
    part_of = {"Bucket": names["Bucket"], "Key": names["Key"], "UploadId": made["UploadId"]}
    try:
        parts = await _upload_parts(client, part_of, data)
        return await client.complete_multipart_upload(**part_of, **condition, MultipartUpload={"Parts": parts})
    except BaseException:
        with suppress(*ERRORS):  # parts cost money until they are removed; the first error is the one to tell
            await client.abort_multipart_upload(**part_of)
        raise


async def _upload_parts(client: Any, part_of: Names, data: bytes) -> list[dict[str, Any]]:
    turn = asyncio.Semaphore(PARTS_AT_A_TIME)

    async def send(number: int, start: int) -> dict[str, Any]:
        async with turn:
            answer = await client.upload_part(**part_of, PartNumber=number, Body=data[start : start + PART])
        return {"PartNumber": number, "ETag": answer["ETag"]}

    try:
        async with asyncio.TaskGroup() as group:  # when one fails the others end too, before the upload is aborted
            tasks = [group.create_task(send(n, at)) for n, at in enumerate(range(0, len(data), PART), 1)]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]


async def delete(client: Any, bucket: str, keys: Sequence[str]) -> None:
    """Delete up to 1,000 keys; those the server could not delete are tried again."""
    for attempt in range(1, TRIES + 1):
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = await client.delete_objects(Bucket=bucket, Delete=wanted)
        failed = [error for error in answer.get("Errors", ()) if error.get("Code") != "NoSuchKey"]
        if not failed:
            return
        if attempt == TRIES:
            raise ClientError({"Error": failed[0]}, "DeleteObjects")
        keys = [error["Key"] for error in failed]
        await asyncio.sleep(pause_after(attempt, random.random()))
