"""What a store in a folder owes to being files: no way out of it, nothing half written, other people's files."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.kit.stores import disk, open_store
from actors.kit.stores.base import KeyRefused, NoSuchBucket, NoSuchKey, Store, StoreDenied, StoreUnavailable
from actors.kit.stores.folder import OURS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "parent" / "bucket"


@pytest.fixture
async def store(root: Path) -> AsyncIterator[Store]:
    """A store in a folder that is not there yet."""
    store = open_store(f"file:{root}")
    yield store
    await store.close()


async def keys(store: Store, prefix: str = "") -> list[str]:
    return [entry.key async for entry in store.list(prefix)]


async def test_objects_are_plain_files_under_their_keys(store: Store, root: Path) -> None:
    await store.put("dataset/apple/1.jpg", b"picture")
    assert (root / "dataset/apple/1.jpg").read_bytes() == b"picture"


async def test_files_copied_in_by_hand_are_objects(store: Store, root: Path) -> None:
    (root / "dataset").mkdir(parents=True)
    (root / "dataset" / "by hand.jpg").write_bytes(b"picture")
    assert await keys(store) == ["dataset/by hand.jpg"]
    etag = (await store.get("dataset/by hand.jpg")).etag
    await store.put_if_match("dataset/by hand.jpg", b"another", etag)


async def test_reading_makes_no_folder(store: Store, root: Path) -> None:
    assert await keys(store) == []
    with pytest.raises(NoSuchKey):
        await store.get("key")
    await store.delete(["key", "a/key"])
    assert os.listdir(root.parent.parent) == []


async def test_no_symbolic_link_leads_out(store: Store, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    await store.put("inside", b"")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    for key in ("folder/secret", "file"):
        with pytest.raises(NoSuchKey):
            await store.get(key)
        with pytest.raises(KeyRefused):
            await store.put(key, b"overwritten")
    await store.delete(["folder/secret", "file"])
    assert await keys(store) == await keys(store, "") == ["inside"]
    assert await keys(store, "folder/") == []
    assert (outside / "secret").read_bytes() == b"secret"


async def test_the_stores_own_folder_is_no_place_for_objects(store: Store) -> None:
    await store.put("key", b"")
    for key in (OURS, f"{OURS}/tmp/x", f"{OURS}/locks/00"):
        with pytest.raises(KeyRefused):
            await store.put(key, b"")
    assert await keys(store, OURS) == await keys(store, f"{OURS}/locks/") == []
    await store.put(f"a/{OURS}/b", b"")
    assert await keys(store) == [f"a/{OURS}/b", "key"]


async def test_files_whose_names_are_no_keys_and_what_is_no_file_are_passed_over(store: Store, root: Path) -> None:
    await store.put("key", b"")
    (root / "line\nend").touch()
    (root / "back\\slash").touch()
    os.close(os.open(os.fsencode(root) + b"/not utf-8 \xff", os.O_CREAT))
    os.mkfifo(root / "pipe")
    (root / "empty folder").mkdir()
    assert await keys(store) == ["key"]
    with pytest.raises(NoSuchKey):
        await store.get("pipe")


async def test_folders_a_crash_left_behind_are_in_nobodys_way(store: Store, root: Path) -> None:
    (root / "a" / "b" / "c").mkdir(parents=True)
    await store.put("a", b"")
    assert await keys(store) == ["a"]


async def test_folders_go_with_their_last_object(store: Store, root: Path) -> None:
    await store.put("a/b/1", b"")
    await store.put("a/2", b"")
    await store.delete(["a/b/1"])
    assert not (root / "a" / "b").exists()
    await store.delete(["a/2"])
    assert os.listdir(root) == [OURS]


async def test_the_bytes_are_on_the_disk_before_the_name_and_the_names_before_the_answer(
    store: Store, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put("first", b"")
    steps: list[str] = []
    sync, rename = os.fsync, os.rename

    def synced(file: int) -> None:
        steps.append(f"sync {'new file' if OURS in (path := os.readlink(f'/proc/self/fd/{file}')) else path}")
        sync(file)

    def renamed(*arguments: object, **options: object) -> None:
        steps.append("rename")
        rename(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    await store.put("a/b/key", b"bytes")
    assert steps == ["sync new file", f"sync {root}", f"sync {root}/a", "rename", f"sync {root}/a/b"]


async def test_an_etag_never_comes_back(store: Store) -> None:
    etags = [await store.put("key", b"same") for _ in range(200)]
    assert len(set(etags)) == 200


async def test_temporary_files_of_a_crash_are_removed_after_a_day(store: Store, root: Path) -> None:
    kept = root / OURS / "tmp"
    kept.mkdir(parents=True)
    (kept / "old").touch()
    (kept / "young").touch()
    os.utime(kept / "old", (0, time.time() - disk.STALE - 60))
    await store.put("key", b"")
    assert [path.name for path in kept.iterdir()] == ["young"]


async def test_a_failed_write_leaves_nothing(store: Store, root: Path) -> None:
    await store.put("key", b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))  # the nearest thing to a full disk
    try:
        with pytest.raises(StoreUnavailable):
            await store.put("key", bytes(1 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (await store.get("key")).data == b"before"
    assert list((root / OURS / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "problem", "hint"),
    [
        (errno.ENOSPC, StoreUnavailable, "free some space"),
        (errno.EIO, StoreUnavailable, ""),
        (errno.ENOLCK, StoreUnavailable, "local disk"),
        (errno.EACCES, StoreDenied, "who owns"),
        (errno.EROFS, StoreDenied, "who owns"),
        (errno.ENAMETOOLONG, KeyRefused, ""),
    ],
)
async def test_what_the_disk_says_is_a_problem_with_a_hint(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, problem: type[StoreUnavailable], hint: str
) -> None:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk, "write", failing)
    with pytest.raises(problem) as caught:
        await store.put("key", b"")
    assert hint in caught.value.hint


async def test_a_file_where_the_folder_should_be_is_no_bucket(store: Store, root: Path) -> None:
    os.mkdir(root.parent)
    os.close(os.open(root, os.O_CREAT))
    for call in (store.get("key"), store.stat("key"), store.put("key", b""), keys(store), store.delete(["key"])):
        with pytest.raises(NoSuchBucket):
            await call


async def test_after_somebody_removed_the_whole_folder_the_store_works_again(store: Store, root: Path) -> None:
    await store.put("a/key", b"")
    shutil.rmtree(root)
    with pytest.raises(StoreUnavailable):
        await store.put("a/key", b"")
    await store.put("a/key", b"again")
    assert await keys(store) == ["a/key"]


async def test_the_loop_is_never_blocked(no_blocking: None, store: Store) -> None:
    await store.put("a/key", bytes(1 << 20))
    await store.get("a/key")
    assert await keys(store) == ["a/key"]
    await store.delete(["a/key"])


async def test_any_listing_is_the_sorted_keys_whatever_was_put_and_deleted(store: Store) -> None:
    chance, there = random.Random(7), set[str]()
    for _ in range(300):
        key = "/".join(chance.choice(("a", "a-", "a0", "é", "😀", "\uffee")) for _ in range(chance.randint(1, 3)))
        if chance.random() < 0.3:
            await store.delete([key])
            there.discard(key)
        else:
            try:
                await store.put(key, b"")
                there.add(key)
            except KeyRefused:
                assert any(other.startswith(f"{key}/") or key.startswith(f"{other}/") for other in there)
        prefix = key[: chance.randint(0, len(key))]
        after = chance.choice((*there, "", key))
        expected = sorted(name for name in there if name.startswith(prefix) and name.encode() > after.encode())
        assert [entry.key async for entry in store.list(prefix, after=after)] == sorted(expected, key=str.encode)
