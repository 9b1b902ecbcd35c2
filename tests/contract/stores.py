"""Every kind of store, each in a place of its own: what holds for one holds for all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from actors.kit.stores import open_store
from actors.kit.stores.base import Store
from tests.support.scripted_store import ScriptedStores

Opener = Callable[[], Store]

KINDS = ("file", "scripted", "versitygw", "moto")
# moto keeps both `a` and `a/b`, loses some conditional writes under races, and minds no condition on parts.
over_folders = exact = pytest.mark.parametrize("store_kind", ["file", "scripted", "versitygw"], indirect=True)


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Which backend is under test."""
    return str(request.param)


@pytest.fixture
def open_client(store_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Makes a client of one and the same empty store; close each."""
    if store_kind == "scripted":
        return ScriptedStores().store
    if store_kind == "file":
        url = f"file:{tmp_path}/bucket"
    else:
        url = request.getfixturevalue(store_kind).store_url(bucket=f"contract-{uuid4().hex}")
    return lambda: open_store(url)


@pytest.fixture
async def store(open_client: Opener) -> AsyncIterator[Store]:
    """A client of an empty store."""
    client = open_client()
    yield client
    await client.close()
