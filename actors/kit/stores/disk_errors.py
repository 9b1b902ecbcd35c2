"""What an OSError of the disk means to the caller of a store."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from actors.kit.stores.base import KeyRefused, NoSuchKey, StoreDenied, StoreUnavailable
from runtime.errors import Problem

NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}
IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY, errno.EEXIST, errno.ENAMETOOLONG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
HINTS = {
    errno.ENOSPC: "free some space on the disk",
    errno.EDQUOT: "the quota on the disk is used up",
    errno.ENOLCK: "the file system cannot lock files: keep the store on a local disk",
}


@contextmanager
def reading(key: str) -> Iterator[None]:
    """OSErrors of the body as problems; a file that cannot be there is not there."""
    try:
        yield
    except OSError as error:
        if error.errno in NOTHING_THERE:
            raise NoSuchKey(f"there is no {key!r}") from error
        raise problem(error) from error


@contextmanager
def writing(key: str) -> Iterator[None]:
    """OSErrors of the body as problems; whatever is in the way of a file or its folders refuses its key."""
    try:
        yield
    except OSError as error:
        if error.errno in IN_THE_WAY:
            raise KeyRefused(f"{key!r} stands in the way of another key, or a link in its way") from error
        raise problem(error) from error


def problem(error: OSError) -> Problem:
    """The problem an OSError is whatever was done."""
    if error.errno in FORBIDDEN:
        return StoreDenied(f"the disk refused: {error}", hint="check who owns the store's folder and may write to it")
    return StoreUnavailable(f"the disk failed: {error}", hint=HINTS.get(error.errno or 0, ""))
