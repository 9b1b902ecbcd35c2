"""What --check, --print-config and --schema print."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from config.check import NotInstalled, actor_class, check, read_options
from config.credentials import without_credentials
from config.load import Loaded
from config.schema import NodeFile
from runtime.actor import options_type
from runtime.ops.logging import redact
from runtime.ref import Unresolved, make_ref


def effective(loaded: Loaded, data: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The node file in force with every default, actors' options too, and no secret. Raises ConfigError."""
    check(loaded, data, environment)
    shown = loaded.file.model_dump(mode="json", exclude_none=True)
    for name, section in loaded.file.actors.items():
        try:
            cls = actor_class(section)
        except NotInstalled:
            continue
        options = read_options(loaded, name, cls, data, lambda wanted, at: make_ref(wanted, Unresolved(at)))
        shown["actors"][name]["options"] = options.model_dump(mode="json")
    masked: dict[str, Any] = _masked(redact(None, "", shown))
    return masked


def as_yaml(values: Mapping[str, Any]) -> str:
    """The values as a node file."""
    out = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(values, out)
    return out.getvalue()


def schema(loaded: Loaded | None) -> str:
    """The JSON schema of node files; with one at hand, the options of its actors are spelled out by name."""
    made = NodeFile.model_json_schema()
    named: dict[str, Any] = {}
    for name, section in loaded.file.actors.items() if loaded is not None else ():
        try:
            options = options_type(actor_class(section)).model_json_schema()
        except (LookupError, NotInstalled):
            continue
        named[name] = {"$ref": "#/$defs/ActorSection", "properties": {"options": options}}
    if named:
        made["properties"]["actors"]["properties"] = named
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **made}, indent=2)


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, str):
        return without_credentials(value)
    return value
