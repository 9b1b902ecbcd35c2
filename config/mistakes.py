"""What is wrong with a node file, said so that the reader can put it right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runtime.errors import BrumeError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One error: `origin` is `file:line` or the --set it came from, `message` says what is wrong and what is right."""

    origin: str
    path: Path
    message: str

    def __str__(self) -> str:
        where = dotted(self.path)
        return f"{self.origin}: {where}: {self.message}" if where else f"{self.origin}: {self.message}"


class ConfigError(BrumeError):
    """A node file, or the node it describes, cannot be; holds every mistake found, in the order of the file."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=_line))
        super().__init__("\n".join(map(str, self.mistakes)))


def untold(mistakes: Iterable[Mistake], told: Iterable[Mistake]) -> list[Mistake]:
    """Those of `mistakes` that are not at, or below, the place of one in `told`."""
    places = {mistake.path for mistake in told}
    return [new for new in mistakes if not any(new.path[:end] in places for end in range(1, len(new.path) + 1))]


def _line(mistake: Mistake) -> int:
    end = mistake.origin.rpartition(":")[2]
    return int(end) if end.isdecimal() else 0


def dotted(path: Path) -> str:
    """`actors.master.options.tiles`, the form --set takes."""
    return ".".join(map(str, path))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest of `known`, or else all of them, as the end of a sentence."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(known)}" if known else "no key is known here"
