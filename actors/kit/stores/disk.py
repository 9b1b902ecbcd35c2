"""Folders and files on a disk, by descriptors: no symbolic link is followed, and what is made is made durable.

Knows no keys and no problems: OSErrors pass. Everything here blocks.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe of that name must not block the open
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
STALE = 86_400.0  # seconds after which a temporary file is left over from a crash


def enter(at: int, part: str) -> int:
    """A descriptor of the folder `part` in the folder `at`."""
    return os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=at)


@contextmanager
def folder(root: Path, parts: Sequence[str], way: Callable[[int, str], int] = enter) -> Iterator[int]:
    """A descriptor of the folder `parts` below `root`; `way` leads from one to the next."""
    at = os.open(root, FOLDER)
    try:
        for part in parts:
            deeper = way(at, part)
            os.close(at)
            at = deeper
        yield at
    finally:
        os.close(at)


@contextmanager
def regular(name: str, at: int) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of the regular file `name` in the folder `at`, with its state; FileNotFoundError for others."""
    file = os.open(name, FILE, dir_fd=at)
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
        yield file, state
    finally:
        os.close(file)


def read(file: int, start: int, stop: int) -> bytes:
    """Bytes `start` to `stop`, fewer at the end of the file."""
    pieces = []
    while start < stop and (piece := os.pread(file, min(stop - start, 1 << 30), start)):
        pieces.append(piece)
        start += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def write(path: Path, data: bytes, moment: int) -> None:
    """A new file with these bytes and `moment` (ns since 1970) as its time, durable but for its name."""
    file = os.open(path, NEW, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.utime(file, ns=(moment, moment))
        os.fsync(file)
    finally:
        os.close(file)


def make(at: int, part: str) -> bool:
    """Make the folder `part` in the folder `at`; whether it was not there."""
    try:
        os.mkdir(part, dir_fd=at)
    except FileExistsError:
        return False
    return True


def make_all(path: Path) -> None:
    """Make the folder `path` and what is missing above it, durably."""
    if not path.is_dir():
        make_all(path.parent)
        with folder(path.parent, ()) as at:
            make(at, path.name)
            os.fsync(at)


def remove_empty(at: int, name: str) -> None:
    """Remove the folder `name` in the folder `at` with the empty folders in it; OSError if there is anything else."""
    for _, inner, _, inside in os.fwalk(name, topdown=False, dir_fd=at):
        for part in inner:
            os.rmdir(part, dir_fd=inside)
    os.rmdir(name, dir_fd=at)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone among all threads and processes of this host that lock the same file; waits for its turn."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def sweep(path: Path) -> None:
    """Remove the files in a folder that nobody has written to for a day."""
    with os.scandir(path) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < time.time() - STALE:
                    Path(entry.path).unlink()
