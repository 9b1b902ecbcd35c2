"""The exit codes, and which of them an error stands for."""

from __future__ import annotations

from enum import IntEnum

from runtime.errors import AskError, BrumeError, DeadlineExceeded, Overloaded, PeerLost, Problem


class Exit(IntEnum):
    """What the process tells its caller; the numbers above 2 are sysexits.h's."""

    DONE = 0
    CHECK_FAILED = 1
    USAGE = 2
    BAD_DATA = 65
    INTERNAL = 70
    TEMPORARY = 75
    BAD_CONFIG = 78


BAD_DATA_STATUSES = (400, 413, 415, 422)
TEMPORARY_STATUSES = (429, 503, 504)


def exit_code(error: BrumeError) -> Exit:
    """The code for an error that ended a tool."""
    if isinstance(error, Problem):
        if error.status in BAD_DATA_STATUSES:
            return Exit.BAD_DATA
        return Exit.TEMPORARY if error.status in TEMPORARY_STATUSES else Exit.INTERNAL
    if isinstance(error, AskError) and isinstance(error, PeerLost | Overloaded | DeadlineExceeded):
        return Exit.TEMPORARY
    return Exit.INTERNAL
