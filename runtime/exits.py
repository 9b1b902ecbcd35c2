"""The exit codes of nodes and tools, and which of them an error stands for."""

from __future__ import annotations

from enum import IntEnum

from runtime.errors import ActorStopped, DeadlineExceeded, Overloaded, PeerLost, Problem


class Exit(IntEnum):
    """What the process tells its caller; the numbers above 2 are sysexits.h's."""

    DONE = 0
    CHECK_FAILED = 1
    USAGE = 2
    BAD_DATA = 65
    INTERNAL = 70
    TEMPORARY = 75
    BAD_CONFIG = 78


SIGNALLED = 128  # and the number of the signal that interrupted it
TEMPORARY_STATUSES = (429, 503, 504)
CONFIG_STATUSES = (401, 403, 404)  # no such bucket, no such queue, not allowed


def exit_code(error: Exception) -> Exit:
    """The code for an error that ended a tool; a file that cannot be read is bad data."""
    if isinstance(error, Problem):
        return _of_status(error.status)
    if isinstance(error, PeerLost | Overloaded | DeadlineExceeded | ActorStopped):
        return Exit.TEMPORARY
    return Exit.BAD_DATA if isinstance(error, OSError) else Exit.INTERNAL


def _of_status(status: int) -> Exit:
    if status in TEMPORARY_STATUSES:
        return Exit.TEMPORARY
    if status in CONFIG_STATUSES:
        return Exit.BAD_CONFIG
    return Exit.BAD_DATA if status < 500 else Exit.INTERNAL
