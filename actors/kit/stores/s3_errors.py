"""What an error of an S3 client means to the caller of a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from actors.kit.aws import ERRORS, error_code, error_words, translate
from actors.kit.stores.base import Conflict, KeyRefused, NoSuchBucket, NoSuchKey, StoreDenied, StoreUnavailable
from runtime.errors import Problem

ANOTHER_WRITES = frozenset({"ConditionalRequestConflict", "OperationAborted"})
UNMET = frozenset({"PreconditionFailed", "412"})
IN_ITS_OWN_WAY = UNMET | {"NoSuchUpload"}  # what a write that was done is told when it is repeated
NO_KEY = frozenset({"NoSuchKey", "NotFound", "404"})
BEHIND_THE_END = frozenset({"InvalidRange", "416"})
_NO_BUCKET = frozenset({"NoSuchBucket", "InvalidBucketName"})
_IN_THE_WAY = frozenset({"ObjectParentIsFile", "ExistingObjectIsDirectory"})  # of servers over a folder
# Worth another try: versitygw calls a key a directory, too, while another call removes the folder it is in.
PASSING = ANOTHER_WRITES | _IN_THE_WAY


@contextmanager
def as_problems(bucket: str, key: str) -> Iterator[None]:
    """Errors of the body, which calls a client about `key`, as problems."""
    try:
        yield
    except ERRORS as error:
        raise problem(error, bucket, key) from error


def problem(error: Exception, bucket: str, key: str) -> Problem:
    """The problem that `error` is for a call about `key`."""
    code, words = error_code(error), error_words(error)
    if code in NO_KEY:
        return NoSuchKey(f"there is no {key!r}")
    if code in UNMET | ANOTHER_WRITES:
        return Conflict(f"{key!r} is not what was expected")
    if code in _NO_BUCKET:
        return NoSuchBucket(f"there is no bucket {bucket!r}", hint="make it, or name another in `store`")
    if code in _IN_THE_WAY:
        return KeyRefused(f"{key!r} stands in the way of another key: {words}")
    if translate(error) in ("expired", "denied"):
        return StoreDenied(f"the store refused: {words}", hint="check the AWS credentials and what they allow")
    return StoreUnavailable(f"the store failed: {words}")
