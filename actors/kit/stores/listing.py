"""The files below a folder in the order of their keys, one folder's names in memory at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from actors.kit.stores import disk
from actors.kit.stores.keys import is_key

Found = tuple[str, os.stat_result]


def walk(root: Path, prefix: str, after: str, hidden: str) -> Iterator[Found]:
    """Every regular file below `root` whose key starts with `prefix` and sorts behind `after`; none below `hidden`.

    Blocks. Code points sort as their UTF-8 bytes do. Symbolic links are passed over, and names that cannot be keys.
    """
    start = prefix.rpartition("/")[0]
    if not start:
        yield from _below(root, "", prefix, after, hidden)
    elif is_key(start) and start.split("/")[0] != hidden:
        yield from _below(root, f"{start}/", prefix, after, "")


def _below(root: Path, above: str, prefix: str, after: str, hidden: str) -> Iterator[Found]:
    for name in _names(root, above):
        key = above + name
        if name.rstrip("/") == hidden or not _may_match(key, prefix, after):
            continue
        if name.endswith("/"):
            yield from _below(root, key, prefix, after, "")
        elif is_key(key):
            with suppress(FileNotFoundError, NotADirectoryError):  # gone meanwhile
                state = (root / key).lstat()
                if stat.S_ISREG(state.st_mode):
                    yield key, state


def _names(root: Path, above: str) -> list[str]:
    """The sorted names in a folder; a folder's ends in a slash, for that is where its keys sort."""
    parts = above.split("/")[:-1]
    with suppress(FileNotFoundError, NotADirectoryError), disk.folder(root, parts) as at, os.scandir(at) as entries:
        return sorted(f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries)
    return []


def _may_match(key: str, prefix: str, after: str) -> bool:
    """Whether the file `key` matches, or anything in the folder `key` (which ends in a slash) can."""
    if key.endswith("/"):
        return (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key))
    return key.startswith(prefix) and key > after
