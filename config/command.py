"""The command line: what main.py takes, and the list of roles. Imports nothing heavy, so that --help is quick."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

ROLES = Path(__file__).parent / "roles"
LEVELS = ("debug", "info", "warning", "error")


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str], argparse.ArgumentParser]:
    """Main's own options, and what is left for a tool. Exits 2 on a usage error."""
    parser = _parser()
    own, rest = parser.parse_known_args(argv)
    if own.role and own.config:
        parser.error("--role and --config exclude each other: a role is the file config/roles/ROLE.yaml")
    return own, rest, parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py",
        usage="main.py --role ROLE [OPTION…] [the tool's own arguments]",
        description="Run one role of Brume. A tool lists its own arguments with: main.py --role TOOL --help",
        epilog=_roles(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--role", metavar="ROLE", help="run config/roles/ROLE.yaml")
    add("--config", metavar="FILE", type=Path, help="run another node file")
    add("--data", metavar="DIR", type=Path, default=Path("data"), help="where the node keeps everything (./data)")
    add("--set", metavar="KEY=VALUE", action="append", default=[],
        help="override one key, as in actors.master.options.tiles=8; repeatable")  # fmt: skip
    add("--check", action="store_true", help="check the node file, print each mistake with its line, and end")
    add("--print-config", action="store_true", help="print the node file in force, without its secrets, and end")
    add("--schema", action="store_true", help="print the JSON schema of a node file, and end")
    add("--json", action="store_true", help="results of tools as one JSON object a line")
    add("--log", choices=("human", "json"), default="human", help="form of the log on stderr (human)")
    add("--log-level", choices=LEVELS, metavar="LEVEL", help="debug, info, warning or error (info; tools: warning)")
    add("--lifeline", type=int, help=argparse.SUPPRESS)
    add("--help", "-h", action="store_true", help="this text")
    return parser


def _roles() -> str:
    rows = [(path.stem, *_summary(path)) for path in sorted(ROLES.glob("*.yaml"))]
    width = max((len(name) for name, *_ in rows), default=0)
    lines = [f"  {name:{width}}  {kind:7}  {comment}" for name, kind, comment in rows]
    return "\n".join(["roles:", *lines])


def _summary(path: Path) -> tuple[str, str]:
    """Tool or service, and the file's first comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = next((line[1:].strip() for line in lines if line.startswith("#")), "")
    return "tool" if any(line.startswith("tool:") for line in lines) else "service", comment
