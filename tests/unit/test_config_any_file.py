"""Whatever a file holds, reading it ends in a node file or in mistakes with their places."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config import schema
from config.load import parse
from config.mistakes import ConfigError
from config.show import as_yaml

SECTIONS = [found for found in vars(schema).values() if isinstance(found, type) and issubclass(found, schema.Section)]
WORDS = st.sampled_from(sorted({key for section in SECTIONS for key in section.model_fields} | {"x", "a/b", "", "nod"}))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["tcp://127.0.0.1:1", "unix:x", "m:C", "${A}", "${A:-b}", "file:x", "parent"]),
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=12
)


def check_ends_well(text: str, *overrides: str) -> None:
    origins: list[str] = []
    try:
        loaded = parse(text, "n.yaml", overrides, {})
        assert as_yaml(loaded.file.model_dump(mode="json"))
    except ConfigError as error:
        origins = [mistake.origin for mistake in error.mistakes] or ["a mistake without a place"]
    assert all(re.match(r"n\.yaml:\d+$|--set ", origin) for origin in origins)


@given(st.dictionaries(WORDS, VALUES, max_size=6))
def test_any_map_is_a_node_file_or_has_mistakes(values: dict[str, Any]) -> None:
    check_ends_well(json.dumps(values))  # JSON is YAML


@given(st.text(max_size=200))
def test_any_text_is_a_node_file_or_has_mistakes(text: str) -> None:
    check_ends_well(text)


@given(st.text(max_size=40), st.dictionaries(WORDS, VALUES, max_size=4))
def test_any_override_applies_or_is_a_mistake(assignment: str, values: dict[str, Any]) -> None:
    check_ends_well(json.dumps(values), assignment)
