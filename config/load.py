"""A node file or role on disk → its validated model, or every mistake in it with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from config.mistakes import ConfigError, Mistake, did_you_mean
from config.schema import NodeFile
from config.source import Source
from config.wording import described

ROLES = Path(__file__).parent / "roles"


@dataclass(frozen=True)
class Loaded:
    """A node file that fits the schema, and where each of its keys was written."""

    file: NodeFile
    source: Source

    def mistake(self, path: tuple[str | int, ...], message: str) -> Mistake:
        """A mistake at `path`, with its line."""
        return Mistake(self.source.origin(path), path, message)


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
    try:
        file = NodeFile.model_validate(source.data)
    except ValidationError as error:
        told = {mistake.path for mistake in source.mistakes}
        found = [
            Mistake(source.origin(path), path, words)
            for path, words in described(error, NodeFile)
            if not any(path[:end] in told for end in range(1, len(path) + 1))
        ]
        raise ConfigError(_sorted([*source.mistakes, *found])) from None
    if source.mistakes:
        raise ConfigError(_sorted(source.mistakes))
    return Loaded(file, source)


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


def _sorted(mistakes: Sequence[Mistake]) -> list[Mistake]:
    def line(mistake: Mistake) -> int:
        end = mistake.origin.rpartition(":")[2]
        return int(end) if end.isdecimal() else 0

    return sorted(mistakes, key=line)
