"""Which extra brings which modules, and whether they are there; nothing is imported to find out."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

MODULES: dict[str, tuple[str, ...]] = {
    "core": ("msgspec", "numpy", "pydantic"),
    "edge": ("aiohttp", "cv2"),
    "cloud": ("aiobotocore", "obstore"),
    "inference": ("tensorflow", "tensorflow_hub", "ai_edge_litert"),
    "spark": ("pyspark", "pyarrow", "pandas"),
}


def missing_extras(needed: Iterable[str]) -> str | None:
    """What is not installed of the extras in `needed`, and the command that installs it; None when all is there."""
    absent = {extra: [name for name in MODULES[extra] if find_spec(name) is None] for extra in needed}
    absent = {extra: names for extra, names in absent.items() if names}
    if not absent:
        return None
    modules = ", ".join(name for names in absent.values() for name in names)
    wanted = " ".join(f"--extra {extra}" for extra in absent)
    return f"{modules} not installed: uv sync --inexact {wanted}"


def extra_of(module: str) -> str | None:
    """The extra that brings a module, by its first name."""
    top = module.partition(".")[0]
    return next((extra for extra, names in MODULES.items() if top in names), None)
