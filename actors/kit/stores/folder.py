"""Objects as files of a folder: written whole, durably, and compared before they are replaced. Everything here blocks.

The bytes go to a temporary file in `.brume/tmp`, which is then renamed; whoever renames or deletes holds the key's
lock in `.brume/locks`, so that what was compared is what is replaced, by any thread of any process on this host.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from actors.kit.stores import disk, listing
from actors.kit.stores.base import (
    Blob,
    Conflict,
    Entry,
    KeyRefused,
    NoSuchBucket,
    StoreUnavailable,
    check_key,
)
from actors.kit.stores.disk_errors import problem, reading, writing

OURS = ".brume"  # the folder in the root that holds no objects
LOCKS = 64
TRIES = 100  # to place a file in a folder that others keep removing because it is empty

Fits = Callable[[str | None], bool]  # whether to replace the object with this etag; None where there is none


class Folder:
    """The objects below `root`, which the first write makes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._mutex = threading.Lock()  # over the moment and the preparation
        self._moment = 0
        self._prepared = False
        self._durable: set[tuple[int, int]] = set()  # device and inode of folders whose own names are on the disk

    # -- reading

    def get(self, key: str) -> Blob:
        with self._found(key) as (file, state):
            return Blob(disk.read(file, 0, state.st_size), etag_of(state))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        with self._found(key) as (file, _):
            return disk.read(file, start, stop)

    def stat(self, key: str) -> Entry:
        with self._found(key) as (_, state):
            return entry(key, state)

    def walk(self, prefix: str, after: str) -> Iterator[Entry]:
        """The entries of a listing, read as they are asked for."""
        try:
            self._check_root()
            for key, state in listing.walk(self._root, prefix, after, OURS):
                yield entry(key, state)
        except OSError as error:
            raise problem(error) from error

    @contextmanager
    def _found(self, key: str) -> Iterator[tuple[int, os.stat_result]]:
        parts, name = place(key)
        with reading(key):
            self._check_root()
            with disk.folder(self._root, parts) as at, disk.regular(name, at) as found:
                yield found

    def _check_root(self) -> None:
        if self._root.exists() and not self._root.is_dir():
            raise NoSuchBucket(f"{self._root} is not a folder", hint="`store` takes a folder: file:PATH")

    # -- writing

    def put(self, key: str, data: bytes, fits: Fits) -> str:
        """Write, if it `fits` what is there; gives the new etag."""
        place(key)
        with writing(key):
            self._prepare()
            temporary = self._root / OURS / "tmp" / secrets.token_hex(16)
            try:
                disk.write(temporary, data, self._next_moment())
                return self._replace(temporary, key, fits)
            except FileNotFoundError as error:
                self._prepared = False  # somebody removed our own folders: the next write makes them again
                raise StoreUnavailable(f"folders of {key!r} vanished while it was written") from error
            finally:
                temporary.unlink(missing_ok=True)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of these, and the folders that are empty then."""
        places = [place(key) for key in keys]
        with writing(next(iter(keys), "")):
            self._check_root()
            touched = {tuple(parts) for parts, name in places if self._remove(parts, name)}
            for parts in sorted(touched, key=len, reverse=True):
                self._leave(parts)

    def _prepare(self) -> None:
        self._check_root()
        with self._mutex:
            if not self._prepared:
                for name in ("locks", "tmp"):
                    disk.make_all(self._root / OURS / name)
                disk.sweep(self._root / OURS / "tmp")
                self._prepared = True

    def _next_moment(self) -> int:
        """A time no other file of this process was given; with the inode it makes an etag that never comes back."""
        with self._mutex:
            self._moment = max(self._moment + 1, time.time_ns())
            return self._moment

    def _replace(self, temporary: Path, key: str, fits: Fits) -> str:
        parts, name = place(key)
        for attempt in range(1, TRIES + 1):
            try:
                with disk.folder(self._root, parts, self._enter) as at:
                    with self._locked(key):
                        if not fits(_etag_in_place(name, at)):
                            raise Conflict(f"{key!r} is not what was expected")
                        os.rename(temporary, name, dst_dir_fd=at)
                        etag = etag_of(os.stat(name, dir_fd=at))
                    os.fsync(at)
                    return etag
            except FileNotFoundError:  # a folder was removed again, being empty
                if attempt == TRIES:
                    raise
        raise AssertionError

    def _enter(self, at: int, part: str) -> int:
        """Into a folder, made if need be and its name made durable, for its maker may not have come to that."""
        made = disk.make(at, part)
        inside = disk.enter(at, part)
        state = os.fstat(inside)
        identity = state.st_dev, state.st_ino
        if made or identity not in self._durable:
            try:
                os.fsync(at)
            except OSError:
                os.close(inside)
                raise
            self._durable.add(identity)
        return inside

    def _remove(self, parts: Sequence[str], name: str) -> bool:
        """Whether there was such an object."""
        with suppress(FileNotFoundError, NotADirectoryError), disk.folder(self._root, parts) as at:
            self._prepare()
            with self._locked("/".join((*parts, name))):
                if stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=at)
                    return True
        return False

    def _leave(self, parts: Sequence[str]) -> None:
        """Remove a folder and those above it as far as they are empty, and make that durable."""
        while parts and self._emptied(parts):
            parts = parts[:-1]
        with suppress(FileNotFoundError), disk.folder(self._root, parts) as at:
            os.fsync(at)

    def _emptied(self, parts: Sequence[str]) -> bool:
        try:
            with disk.folder(self._root, parts[:-1]) as at:
                os.rmdir(parts[-1], dir_fd=at)
        except FileNotFoundError:
            return True  # somebody else removed it
        except OSError:
            return False
        self._durable.clear()  # its inode may be another folder's next
        return True

    def _locked(self, key: str) -> AbstractContextManager[None]:
        return disk.locked(self._root / OURS / "locks" / f"{zlib.crc32(key.encode()) % LOCKS:02d}")


def place(key: str) -> tuple[list[str], str]:
    """The folders of a key and its name in them. Raises KeyRefused."""
    check_key(key)
    *parts, name = key.split("/")
    if [*parts, name][0] == OURS:
        raise KeyRefused(f"{key!r} is no key in a folder", hint=f"{OURS} is the store's own")
    return parts, name


def entry(key: str, state: os.stat_result) -> Entry:
    """The entry of a file."""
    return Entry(key, state.st_size, etag_of(state), state.st_mtime)


def etag_of(state: os.stat_result) -> str:
    """A file's etag: one that is written again has another time, or another inode, or both."""
    return f"{state.st_mtime_ns:x}-{state.st_size:x}-{state.st_ino:x}"


def _etag_in_place(name: str, at: int) -> str | None:
    """The etag of the object there, None where a new one can be put."""
    try:
        state = os.stat(name, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(state.st_mode):
        disk.remove_empty(at, name)  # what a crash left behind; fails where there are keys in it
        return None
    if not stat.S_ISREG(state.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "a link or a device", name)
    return etag_of(state)
