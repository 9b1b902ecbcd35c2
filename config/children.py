"""The command line of a child node: what its parent says to it, nothing secret."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from config.extras import missing_extras
from config.load import Loaded, load, role_file
from config.policies import restart_policy
from config.schema import PARENT, ProcessSection
from runtime.process import ChildSpec

MAIN = Path(__file__).parents[1] / "main.py"
WILDCARDS = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}  # noqa: S104 - recognised, not bound


def child_specs(
    loaded: Loaded, common: list[str], parent: str, environment: Mapping[str, str], secrets: Mapping[str, str]
) -> list[ChildSpec]:
    """Every child of a node file that passed its check.

    `common` are the options it shares with its parent, `parent` our listener, `secrets` variables only it gets to see.
    """
    specs: list[ChildSpec] = []
    for name, section in loaded.file.processes.items():
        policy = restart_policy(section.restart)
        for child in child_names(name, section):
            overrides = child_overrides(section, child, parent)
            child_file = load(role_file(section.role), overrides, environment).file
            missing = missing_extras(sorted(child_file.extras))
            argv = [sys.executable, str(MAIN), "--role", section.role, *common]
            argv += [f"--set={assignment}" for assignment in overrides]
            specs.append(ChildSpec(child, argv, section.optional, missing, policy, secrets))
    return specs


def child_names(name: str, section: ProcessSection) -> list[str]:
    """`worker` alone, or `worker-1`, `worker-2`, … where a count is given."""
    return [name] if section.count is None else [f"{name}-{n}" for n in range(1, section.count + 1)]


def first_name(name: str, section: ProcessSection) -> str:
    """The name of the first child, which stands for its siblings in a check."""
    return child_names(name, section)[0]


def child_overrides(section: ProcessSection, name: str, parent: str) -> list[str]:
    """What the child's node file is told, as `--set` takes it."""
    links = {link: parent if target == PARENT else target for link, target in section.links.items()}
    if PARENT not in section.links.values():
        links[PARENT] = parent  # without a link the parent could not ask the child how it is
    settings = {"node.name": name, **{f"links.{link}": target for link, target in links.items()}, **section.set}
    return [f"{key}={json.dumps(value)}" for key, value in settings.items()]


def reachable(address: str) -> str:
    """A listener's address as a child on this machine dials it: a wildcard host becomes the loopback."""
    if not address.startswith("tcp://"):
        return address
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return f"tcp://{WILDCARDS.get(host, host)}:{port}"

