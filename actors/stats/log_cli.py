"""The `stats-log` tool: prints the log of the statistics service, one JSON line a message, each message once.

Days come in order, and so do the messages of a day. Exit codes: 0 done, 2 usage, 75 the store does not answer, 78 it
cannot be as it is configured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from actors.kit.terminal.pipe import drop_stdout
from runtime.errors import worded
from runtime.exits import Exit, exit_code

if TYPE_CHECKING:
    from actors.kit.stores.base import Store
    from config.tool import ToolContext


def parser() -> argparse.ArgumentParser:
    """The tool's own arguments; main's come before them."""
    made = argparse.ArgumentParser(
        prog="main.py --role stats-log",
        description="Print the log of the statistics service: one JSON line a message, in the order they were sent.",
        epilog="Main's options (--data, --set store=…) say which store.",
    )
    made.add_argument("--day", type=_day, metavar="D", help="only this UTC day, for example 2026-11-21 (all days)")
    return made


async def main(argv: Sequence[str], context: ToolContext) -> int:
    """Print the days asked for; gives the exit code."""
    args = parser().parse_args(argv)
    from actors.kit.stores import open_store
    from runtime.errors import Problem

    try:
        store = open_store(context.store or "")
    except (ValueError, ImportError) as error:
        return _ended(error, Exit.BAD_CONFIG)
    try:
        await _print(store, args.day)
    except Problem as problem:
        return _ended(problem, exit_code(problem))
    except BrokenPipeError:
        drop_stdout()
    finally:
        await store.close()
    return Exit.DONE


def _ended(error: Exception, code: int) -> int:
    print(f"stats-log: {worded(error)}", file=sys.stderr)
    return code


async def _print(store: Store, day: str | None) -> None:
    from actors.stats.log.read import days, read_day
    from actors.stats.log.records import record_line

    for each in [day] if day else await days(store):
        async for record in read_day(store, each):
            sys.stdout.buffer.write(record_line(record))
        sys.stdout.buffer.flush()


def _day(text: str) -> str:
    try:
        if len(text) == len("2026-11-21"):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-11-21")
