"""`python -m bench`: tables on stdout, progress on stderr; `--json FILE` keeps the numbers behind them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from bench import calls, queues, splits, table
from bench.calls.run import Budget
from bench.calls.run import run as run_calls
from bench.queues.row import Load
from bench.splits.run import run as run_splits

FULL, QUICK = Budget(repeats=7, seconds=0.4, kills=5), Budget(repeats=3, seconds=0.1, kills=2)
LOAD, QUICK_LOAD = Load(repeats=5, seconds=4, rate_seconds=20), Load(repeats=2, seconds=1.5, rate_seconds=6)


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(prog="python -m bench", description="Limits, peers and Brume in one run.")
    made.add_argument("--quick", action="store_true", help="fewer and shorter repeats, a smaller picture: a rough look")
    made.add_argument("--only", choices=("calls", "splits", "queues"), help="one of the tables")
    made.add_argument("--contender", action="append", metavar="NAME", help="only this beside the reference; repeatable")
    made.add_argument("--json", type=Path, metavar="FILE", help="write absolute numbers and ratios' inputs there")
    return made


def main() -> int:
    """Measure and print."""
    args = parser().parse_args()
    begun = time.monotonic()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}", flush=True)
    numbers: dict[str, object] = {"quick": args.quick, "cores": os.cpu_count(), "numpy": version("numpy")}
    for name, measure in {"calls": _calls, "splits": _splits, "queues": _queues}.items():
        if args.only in (None, name):
            numbers[name], shown = measure(args.contender, args.quick)
            print("\n" + shown, flush=True)
    numbers["seconds"] = round(time.monotonic() - begun)
    if args.json:
        args.json.write_text(json.dumps(numbers, indent=1) + "\n")
    _say(f"took {numbers['seconds']} s")
    return 0


def _calls(chosen: list[str] | None, quick: bool) -> tuple[object, str]:
    names = _present(calls, chosen)
    rows = run_calls(names, QUICK if quick else FULL)
    return rows, table.of_calls(rows, names)


def _splits(chosen: list[str] | None, quick: bool) -> tuple[object, str]:
    names = _present(splits, chosen)
    result = run_splits(names, *((3, 0.5) if quick else (7, 1.0)))
    return asdict(result), table.of_splits(result, names)


def _queues(chosen: list[str] | None, quick: bool) -> tuple[object, str]:
    from bench.queues.run import run as run_queues  # it comes with the tests' servers
    from tests.support.servers.install import Unavailable

    names = _present(queues, chosen)
    try:
        rows = run_queues(names, QUICK_LOAD if quick else LOAD)
    except Unavailable as problem:
        return {}, f"no queues: {problem}"
    return {name: asdict(row) for name, row in rows.items()}, table.of_queues(rows)


def _present(package: ModuleType, chosen: list[str] | None) -> list[str]:
    """The contenders whose libraries are installed."""
    names = []
    for name in package.FILES:
        if chosen and name != package.REFERENCE and name not in chosen:
            continue
        try:
            package.load(name)
        except ImportError as error:
            _say(f"{name} is left out: {error}")
        else:
            names.append(name)
    _say(f"{package.__name__.rpartition('.')[2]}: {', '.join(names)}")
    return names


def _say(words: str) -> None:
    print(f"bench: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
