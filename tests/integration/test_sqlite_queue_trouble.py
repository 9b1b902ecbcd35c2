"""A queue file in trouble: a typed error that says what to do, and work again when the trouble is over."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from actors.kit.queues.base import Draft, QueueUnavailable
from actors.kit.queues.sqlite import SqliteBroker
from actors.kit.queues.sqlite.file import as_problem


async def failure(path: Path) -> QueueUnavailable:
    """What using the file ends in."""
    broker = SqliteBroker(path, patience=0.05)
    try:
        with pytest.raises(QueueUnavailable) as caught:
            await broker.queue("lab2")
    finally:
        await broker.close()
    assert str(path) in caught.value.message
    return caught.value


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    assert "no SQLite file" in (await failure(path)).hint
    assert path.read_text() == "these are my notes\n" * 100


async def test_another_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE message (id INTEGER)")
    before = path.read_bytes()
    assert "name another file" in (await failure(path)).hint
    assert path.read_bytes() == before


async def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    broker = SqliteBroker(path)
    await broker.queue("lab2")
    await broker.close()
    with closing(sqlite3.connect(path)) as later:
        later.execute("PRAGMA user_version = 2")
    assert "version 1" in (await failure(path)).hint


async def test_a_folder_in_the_files_place_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "queue.db").mkdir()
    assert "folder" in (await failure(tmp_path / "queue.db")).hint
    (tmp_path / "file").write_text("")
    assert "folder" in (await failure(tmp_path / "file" / "queue.db")).hint


async def test_a_damaged_file_is_an_error_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    broker = SqliteBroker(path)
    await (await broker.queue("lab2")).send([Draft(str(n) * 1000) for n in range(200)])
    await broker.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    assert "backup" in (await failure(path)).hint


async def test_a_locked_file_is_an_error_until_the_lock_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    broker = SqliteBroker(path, patience=0.05)
    queue = await broker.queue("lab2")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(QueueUnavailable) as caught:
            await queue.send([Draft("1")])
        assert "locked" in caught.value.hint
    assert isinstance((await queue.send([Draft("2")]))[0], str)
    assert [message.body for message in await queue.receive()] == ["2"]
    await broker.close()


async def test_no_room_to_write_is_an_error_until_there_is_room(tmp_path: Path) -> None:
    broker = SqliteBroker(tmp_path / "queue.db")
    queue = await broker.queue("lab2")
    await queue.send([Draft("before")])
    with files_no_larger_than(256 << 10), pytest.raises(QueueUnavailable):
        await queue.send([Draft("x" * 100_000) for _ in range(20)])
    assert isinstance((await queue.send([Draft("after")]))[0], str)
    assert [message.body for message in await queue.receive()] == ["before", "after"]
    await broker.close()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Every write beyond fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("CREATE TABLE t (b BLOB)")
    connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.execute("CREATE TABLE t (b BLOB)")


@pytest.mark.parametrize(("trouble", "hint"), [(full, "free some space"), (read_only, "let this user write")])
def test_sqlites_own_errors_come_with_what_to_do(trouble: Callable[[sqlite3.Connection], None], hint: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.Error) as caught:
            trouble(connection)
        assert hint in as_problem(caught.value, Path("queue.db")).hint


async def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    broker, other = SqliteBroker(path), SqliteBroker(path)
    queue = await broker.queue("lab2")
    await queue.send([Draft("lost with its file")])
    take_away(path)
    await (await other.queue("lab2")).send([Draft("in the new one")])
    assert [message.body for message in await queue.receive()] == ["in the new one"]
    await broker.close()
    await other.close()


def take_away(path: Path) -> None:
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()


async def test_a_closed_broker_says_so(tmp_path: Path) -> None:
    broker = SqliteBroker(tmp_path / "queue.db")
    queue = await broker.queue("lab2")
    await broker.close()
    with pytest.raises(QueueUnavailable, match="closed"):
        await queue.send([Draft("1")])
