"""Standard output when whoever read it has enough."""

from __future__ import annotations

import os
import sys


def drop_stdout() -> None:
    """After a BrokenPipeError: the interpreter's own flush at the end must not fail over it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
