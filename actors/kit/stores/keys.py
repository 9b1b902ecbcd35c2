"""Which keys a listing shows: those that every other method takes."""

from __future__ import annotations

from actors.kit.stores.base import KeyRefused, check_key


def is_key(key: str) -> bool:
    """Whether `key` can be a key; files and objects that others put there may have names that cannot."""
    try:
        check_key(key)
    except KeyRefused:
        return False
    return True


def begins_a_key(prefix: str) -> bool:
    """Whether a key can start with `prefix`."""
    return is_key(prefix) or is_key(f"{prefix}x")
