"""Pydantic's errors in our words: where, what was found, what would be right. Secrets are never repeated."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from config.credentials import without_credentials
from config.mistakes import Path, did_you_mean
from runtime.ops.logging import SECRET_KEYS


def described(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[Path, str]]:
    """Each error of `model` as the path it is at and a sentence about it."""
    seen: set[Path] = set()
    for detail in error.errors(include_url=False):
        path = _real_path(detail["loc"])
        if path not in seen:  # each branch of a union complains about the same value
            seen.add(path)
            yield path, _sentence(detail, path, model)


def _sentence(detail: ErrorDetails, path: Path, model: type[BaseModel]) -> str:
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key(path, model)
    if kind == "missing":
        return "is missing and has no default"
    words = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    words = words.replace("Input should", "it should")
    words = words[:1].lower() + words[1:] if words[1:2].islower() else words
    if kind == "string_pattern_mismatch":
        words = "it does not have the form " + _form(path, detail)
    if _is_secret(path, model):
        return words
    if kind == "literal_error" and isinstance(found, str):
        hint = did_you_mean(found, _quoted(str(detail.get("ctx", {}).get("expected", ""))))
        words += f"; {hint}" if hint.startswith("did") else ""
    return f"{_short(found)}: {words}"


def _unknown_key(path: Path, model: type[BaseModel]) -> str:
    key = str(path[-1])
    known = fields_at(model, path[:-1])
    hint = did_you_mean(key, known)
    if not hint.startswith("did") and len(path) == 1:
        # a top-level key that is one of a section's own: said where it belongs
        inner = {field: f"{name}.{field}" for name in known for field in fields_at(model, (name,))}
        near = difflib.get_close_matches(key, inner, n=1)
        hint = f"did you mean {inner[near[0]]!r}?" if near else hint
    return f"unknown key, {hint}"


def _form(path: Path, detail: ErrorDetails) -> str:
    if path[-1] in ("type", "tool"):
        return "module:Name"
    if path[-1] == "ops":
        return "http://HOST:PORT"
    return str(detail.get("ctx", {}).get("pattern", ""))


def fields_at(model: type[BaseModel], path: Path) -> Sequence[str]:
    """The keys known to the map at `path` below `model`; none where it is not a map of ours."""
    return [name for found in _models(model, path) for name in found.model_fields]


def _models(annotation: Any, path: Path) -> Iterator[type[BaseModel]]:
    """The models an annotation allows at `path` below it."""
    if not path:
        yield from (part for part in _parts(annotation) if _is_model(part))
        return
    for part in _parts(annotation):
        if _is_model(part) and path[0] in part.model_fields:
            yield from _models(part.model_fields[str(path[0])].annotation, path[1:])
        elif get_origin(part) in (dict, list, tuple):
            inner = get_args(part)[-1] if get_origin(part) is dict else get_args(part)[0]
            yield from _models(inner, path[1:])


def _parts(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is typing.Annotated:
        yield from _parts(get_args(annotation)[0])
    elif get_origin(annotation) in (typing.Union, types.UnionType):
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _real_path(loc: tuple[str | int, ...]) -> Path:
    """The location without the marks pydantic adds for a key (`[key]`) and for the branch of a union."""
    path = tuple(part for part in loc if part != "[key]")
    while len(path) > 1 and _names_a_branch(path[-1]):
        path = path[:-1]
    return path


def _names_a_branch(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "float", "bool", "function-plain"))


def _is_secret(path: Path, model: type[BaseModel]) -> bool:
    if any(str(part).lower().endswith(SECRET_KEYS) for part in path):
        return True
    owners = list(_models(model, path[:-1]))
    fields = [owner.model_fields[str(path[-1])] for owner in owners if str(path[-1]) in owner.model_fields]
    return any(SecretStr in tuple(_parts(field.annotation)) for field in fields)


def _short(found: Any) -> str:
    if isinstance(found, dict):
        return "a map"
    text = repr(without_credentials(found) if isinstance(found, str) else found)
    return text if len(text) <= 60 else text[:57] + "…"


def _quoted(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").replace("'", "").split(", ")

