"""Which URLs name a store, and what errors of S3 mean."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from actors.kit.stores import open_store
from actors.kit.stores.base import (
    Conflict,
    KeyRefused,
    NoSuchBucket,
    NoSuchKey,
    StoreDenied,
    StoreUnavailable,
)
from actors.kit.stores.file import FileStore
from actors.kit.stores.keys import begins_a_key
from actors.kit.stores.s3 import S3Store
from actors.kit.stores.s3_errors import problem
from runtime.errors import Problem


@pytest.mark.parametrize("url", ["file:/data/bucket", "file:///data/bucket", "file:bucket"])
def test_a_file_url_is_a_store_in_a_folder(url: str) -> None:
    assert isinstance(open_store(url), FileStore)


@pytest.mark.parametrize("url", [
    "s3://bucket", "s3://bucket/some/prefix", "s3://bucket/?region=eu-west-3",
    "s3://bucket?endpoint_url=http://127.0.0.1:9000&region=us-east-1", "s3://bucket?endpoint_url=http%3A%2F%2Fhost",
])  # fmt: skip
def test_an_s3_url_is_a_store_in_a_bucket(url: str) -> None:
    assert isinstance(open_store(url), S3Store)


@pytest.mark.parametrize("url", [
    "", "file:", "bucket", "http://bucket", "s3:bucket", "s3://", "s3:///prefix", "s3://bucket?endpoint=http://host",
    "s3://bucket?endpoint_url=host:9000", "s3://bucket/a//b", "s3://bucket?region",
])  # fmt: skip
def test_any_other_url_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError):
        open_store(url)


@pytest.mark.parametrize(("prefix", "whether"), [
    ("", True), ("a", True), ("a/", True), ("a/b", True), (".", True), ("a/..", True), ("x" * 255, True),
    ("/", False), ("a//", False), ("../", False), ("a/./", False), ("\0", False), ("a\\", False),
])  # fmt: skip
def test_a_prefix_with_which_no_key_begins_is_known(prefix: str, whether: bool) -> None:
    assert begins_a_key(prefix) == whether


@pytest.mark.parametrize(("status", "code", "expected"), [
    (404, "NoSuchKey", NoSuchKey), (404, "404", NoSuchKey), (404, "NoSuchBucket", NoSuchBucket),
    (412, "PreconditionFailed", Conflict), (409, "ConditionalRequestConflict", Conflict),
    (409, "ObjectParentIsFile", KeyRefused), (403, "AccessDenied", StoreDenied), (403, "403", StoreDenied),
    (400, "ExpiredToken", StoreDenied), (403, "SignatureDoesNotMatch", StoreDenied),
    (503, "SlowDown", StoreUnavailable), (500, "InternalError", StoreUnavailable), (400, "Puzzle", StoreUnavailable),
])  # fmt: skip
def test_what_the_server_says_is_a_problem(status: int, code: str, expected: type[Problem]) -> None:
    error = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")
    assert type(problem(error, "bucket", "key")) is expected
