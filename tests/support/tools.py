"""Tools that tests run through main.py."""

from __future__ import annotations

import json
from collections.abc import Sequence

from config.tool import ToolContext
from runtime.errors import DeadlineExceeded, Problem


class Spoiled(Problem):
    """The input is no good."""

    code = "spoiled"
    status = 422


async def show(argv: Sequence[str], context: ToolContext) -> int:
    """Print what main handed over."""
    tokens = [token.decode()[:4] for token in context.auth().secrets()]
    shown = {
        "argv": list(argv), "data": str(context.data), "json": context.json, "links": dict(context.links),
        "store": context.store, "queue": context.queue, "tokens": tokens,
    }  # fmt: skip
    print(json.dumps(shown))  # noqa: T201 - a tool's result
    return 0


async def fail(argv: Sequence[str], context: ToolContext) -> int:
    """End in the error the first argument names."""
    errors = {
        "spoiled": Spoiled("this apple is spoiled", hint="take another"),
        "late": DeadlineExceeded("nobody answered"),
        "broken": RuntimeError("a bug"),
    }
    raise errors[argv[0]]
