"""Where a node keeps things: every relative path of a node file is below `--data DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from runtime.actor import Options

O = TypeVar("O", bound=Options)  # noqa: E741 - as typing's own one-letter names

PATH_SCHEMES = ("file:", "sqlite:", "unix:")


def below(data: Path, url: str) -> str:
    """`url` with the relative path of a file:, sqlite: or unix: address put below `data`; any other as it is."""
    for scheme in PATH_SCHEMES:
        if url.startswith(scheme):
            return f"{scheme}{data / url.removeprefix(scheme)}"
    return url


def options_below(data: Path, options: O) -> O:
    """The options with each relative Path put below `data`."""
    moved: dict[str, Any] = {
        name: data / value for name, value in options if isinstance(value, Path) and not value.is_absolute()
    }
    return options.model_copy(update=moved) if moved else options
