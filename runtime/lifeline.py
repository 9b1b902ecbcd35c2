"""The child's end of the lifeline: a pipe whose other end only the parent holds, and the kernel closes when it dies.

The parent's end is `process.Children`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Final

HARD_EXIT: Final = 70
GRACE: Final = 1.0  # seconds on top of the drain time, for a child that gave up by itself to say so and leave


def watch_lifeline(descriptor: int, drain: float = 10.0) -> None:
    """In a child: when the parent is gone, ask this process to end (SIGTERM), and end it by force `drain` s later.

    Returns at once. A thread watches, so a blocked event loop cannot keep the child alive.
    """
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with_parent, args=(descriptor, drain), name="lifeline", daemon=True).start()


def _end_with_parent(descriptor: int, drain: float) -> None:
    with suppress(OSError):
        while os.read(descriptor, 1):
            pass
    silence = os.open(os.devnull, os.O_WRONLY)  # the parent read our output: writing to it now would only raise
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(silence, stream.fileno())
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(drain + GRACE)
    os._exit(HARD_EXIT)
