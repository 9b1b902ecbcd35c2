"""A node file or role on disk → its validated model, or every mistake in it with its line."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.mistakes import ConfigError, Mistake, did_you_mean, untold
from config.schema import NodeFile
from config.source import Source
from config.wording import described

MISSING = object()
ROLES = Path(__file__).parent / "roles"


@dataclass(frozen=True)
class Loaded:
    """A node file that fits the schema, and where each of its keys was written."""

    file: NodeFile
    source: Source

    def mistake(self, path: tuple[str | int, ...], message: str) -> Mistake:
        """A mistake at `path`, with its line."""
        return Mistake(self.source.origin(path), path, message)


class Misshapen(ConfigError):
    """The file does not fit the schema; `rest` is the part of it that does."""

    def __init__(self, mistakes: Sequence[Mistake], rest: Loaded) -> None:
        super().__init__(mistakes)
        self.rest = rest


def load(path: Path, overrides: Sequence[str], environment: Mapping[str, str]) -> Loaded:
    """Read and validate the node file at `path`, with each `a.b=VALUE` of `overrides` applied.

    Actors' options are not looked into. Raises ConfigError with all mistakes, also for a file that cannot be read.
    """
    name = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([Mistake(name, (), f"cannot be read: {words}")]) from error
    return parse(text, name, overrides, environment)


def parse(text: str, name: str, overrides: Sequence[str], environment: Mapping[str, str]) -> Loaded:
    """`load` for a text; `name` stands for the file in mistakes."""
    source = Source(text, name, environment)
    for assignment in overrides:
        source.override(assignment)
    file, mistakes = _validated(source)
    if mistakes:
        raise Misshapen(mistakes, Loaded(file, source))
    return Loaded(file, source)


def _validated(source: Source) -> tuple[NodeFile, list[Mistake]]:
    """The model of what is right in a file, and its mistakes; each round leaves out what the last one found wrong."""
    mistakes = list(source.mistakes)
    values = copy.deepcopy(source.data)
    while True:
        try:
            return NodeFile.model_validate(values), mistakes
        except ValidationError as error:
            found = list(described(error, NodeFile))
            new = [Mistake(source.origin(path), path, words) for path, words in found]
            mistakes += untold(new, mistakes)
            if not [path for path, _ in found if _leave_out(values, path)]:
                return NodeFile(), mistakes


def _leave_out(values: dict[str, Any], path: tuple[str | int, ...]) -> bool:
    """Remove the key at `path`; where it is missing, or in a list, what it is missing from. Whether there was one."""
    around = [values]
    for key in path[:-1]:
        inner = around[-1].get(str(key))
        if not isinstance(inner, dict):
            return around[-1].pop(str(key), MISSING) is not MISSING
        around.append(inner)
    if around[-1].pop(str(path[-1]), MISSING) is not MISSING:
        return True
    return len(path) > 1 and around[-2].pop(str(path[-2]), MISSING) is not MISSING


def role_file(role: str) -> Path:
    """The file a role is; ConfigError names the nearest role when there is none."""
    path = ROLES / f"{role}.yaml"
    if re.fullmatch(r"[\w-]+", role) and path.is_file():
        return path
    known = [found.stem for found in ROLES.glob("*.yaml")]
    raise ConfigError([Mistake(f"--role {role}", (), f"there is no such role, {did_you_mean(role, known)}")])


def _shown(path: Path) -> str:
    """The path from the current folder where it is below it, as a person would type it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
