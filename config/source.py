"""YAML text as plain values that remember where they stand.

Reads one file, nothing more: no schema here. `${VAR}` and `${VAR:-default}` inside scalars are replaced, which is
the only use of the environment; what comes out of it is text and is not looked into again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.mistakes import Mistake, Path

VARIABLE = re.compile(r"\$\{([^}]*)\}?")
VARIABLE_BODY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
PLAIN_TYPES = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "null"))


class Source:
    """A parsed file: `data`, the `origins` of its keys by path, and the `mistakes` met on the way."""

    def __init__(self, text: str, name: str, environment: Mapping[str, str]) -> None:
        self.data: dict[str, Any] = {}
        self.origins: dict[Path, str] = {(): f"{name}:1"}
        self.mistakes: list[Mistake] = []
        self._name = name
        self._environment = environment
        self._yaml = YAML(typ="safe", pure=True)
        try:
            root = self._yaml.compose(text)
        except YAMLError as error:
            self._not_yaml(error)
            return
        if root is None:
            return
        if not isinstance(root, MappingNode):
            self._mistake(root, (), "a node file is a map with keys such as `node:` and `actors:`")
            return
        self.data = self._map(root, (), ())

    def override(self, assignment: str) -> None:
        """Apply one `a.b.c=VALUE`; VALUE is read as YAML."""
        target, equals, text = assignment.partition("=")
        origin = f"--set {target}"
        path = tuple(target.split("."))
        if not equals or not all(path):
            words = "is not KEY=VALUE, as in actors.master.options.tiles=8"
            self.mistakes.append(Mistake(f"--set {assignment}", (), words))
            return
        try:
            value = YAML(typ="safe", pure=True).load(text)
        except YAMLError:
            self.mistakes.append(Mistake(origin, (), f"{text!r} is not YAML; quote it, as in {target}='\"…\"'"))
            return
        place = self.data
        for key in path[:-1]:
            inner = place.setdefault(key, {})
            if inner is None:
                inner = place[key] = {}
            if not isinstance(inner, dict):
                self.mistakes.append(Mistake(origin, (), f"{key!r} is a single value and has nothing below it"))
                return
            place = inner
        place[path[-1]] = value
        self.origins[path] = origin

    def origin(self, path: Path) -> str:
        """Where the value at `path` was written, or else the nearest map around it."""
        return next(self.origins[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.origins)

    def _map(self, node: MappingNode, path: Path, inside: tuple[int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._mistake(key_node, path, "a key is a single word")
                continue
            key, line = str(key_node.value), _line(key_node)
            if key in lines:
                self._mistake(key_node, (*path, key), f"is there twice, first on line {lines[key]}; keep one of them")
                continue
            lines[key] = line
            self.origins[(*path, key)] = f"{self._name}:{line}"
            values[key] = self._value(value_node, (*path, key), (*inside, id(node)))
        return values

    def _value(self, node: Node, path: Path, inside: tuple[int, ...]) -> Any:
        if id(node) in inside:
            self._mistake(node, path, "contains itself through an alias")
            return None
        if isinstance(node, MappingNode):
            return self._map(node, path, inside)
        if isinstance(node, SequenceNode):
            return list(self._items(node, path, inside))
        if node.tag in PLAIN_TYPES and "${" not in node.value:
            return self._yaml.constructor.construct_object(node)
        assert isinstance(node, ScalarNode)
        return self._expanded(node, path)

    def _items(self, node: SequenceNode, path: Path, inside: tuple[int, ...]) -> Iterator[Any]:
        for index, item in enumerate(node.value):
            self.origins[(*path, index)] = f"{self._name}:{_line(item)}"
            yield self._value(item, (*path, index), (*inside, id(node)))

    def _expanded(self, node: ScalarNode, path: Path) -> str:
        def replace(found: re.Match[str]) -> str:
            body = VARIABLE_BODY.fullmatch(found[1])
            if body is None or not found[0].endswith("}"):
                self._mistake(node, path, f"{found[0]!r} is not ${{VAR}} or ${{VAR:-default}}")
                return ""
            name, default = body.groups()
            value = self._environment.get(name)
            if default is not None:
                return value or str(default)
            if value is None:
                self._mistake(node, path, f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
                return ""
            return value

        return VARIABLE.sub(replace, str(node.value))

    def _mistake(self, node: Node, path: Path, message: str) -> None:
        self.mistakes.append(Mistake(f"{self._name}:{_line(node)}", path, message))

    def _not_yaml(self, error: YAMLError) -> None:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        words = str(error.problem if isinstance(error, MarkedYAMLError) else error).strip()
        line, column = (mark.line + 1, f" at column {mark.column + 1}") if mark is not None else (1, "")
        self.mistakes.append(Mistake(f"{self._name}:{line}", (), f"this is not YAML{column}: {words}"))


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
