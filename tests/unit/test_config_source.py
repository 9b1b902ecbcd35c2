"""YAML with lines and variables: `config.source`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.source import Source


def read(text: str, **environment: str) -> Source:
    return Source(text, "node.yaml", environment)


def only_mistake(source: Source) -> str:
    assert len(source.mistakes) == 1, source.mistakes
    return str(source.mistakes[0])


def test_every_key_remembers_its_line() -> None:
    source = read("node:\n  name: edge\nactors:\n  a: {type: x}\n")
    assert source.origin(("node", "name")) == "node.yaml:2"
    assert source.origin(("actors", "a", "type")) == "node.yaml:4"


def test_a_missing_key_is_placed_at_the_map_it_should_be_in() -> None:
    source = read("node: {}\nactors:\n  a: {}\n")
    assert source.origin(("actors", "a", "type")) == "node.yaml:3"


def test_a_duplicate_key_is_an_error_that_names_both_lines() -> None:
    source = read("links:\n  hub: tcp://a:1\n  hub: tcp://b:1\n")
    assert only_mistake(source) == "node.yaml:3: links.hub: is there twice, first on line 2; keep one of them"


def test_a_variable_gives_its_value() -> None:
    assert read('node: {name: "edge-${SITE}"}', SITE="farm").data == {"node": {"name": "edge-farm"}}


@pytest.mark.parametrize(
    ("environment", "value"), [({}, "file:bucket"), ({"STORE": ""}, "file:bucket"), ({"STORE": "s3://b"}, "s3://b")]
)
def test_a_default_stands_in_for_a_variable_that_is_unset_or_empty(environment: dict[str, str], value: str) -> None:
    assert read('store: "${STORE:-file:bucket}"', **environment).data == {"store": value}


def test_an_unset_variable_without_a_default_is_an_error() -> None:
    source = read("auth:\n  token: ${TOKEN}\n")
    assert only_mistake(source) == (
        "node.yaml:2: auth.token: the variable TOKEN is not set; set it, or write ${TOKEN:-default}"
    )


@pytest.mark.parametrize("wrong", ["${1X}", "${A-b}", "${}", "${OPEN", "${A:+b}"])
def test_any_other_use_of_the_environment_is_an_error(wrong: str) -> None:
    assert "is not ${VAR} or ${VAR:-default}" in only_mistake(read(f"store: '{wrong}'", A="a", OPEN="o"))


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_what_a_variable_holds_is_never_looked_into(value: str) -> None:
    source = read("node: {name: '<${V}>'}", V=value)
    assert source.data == {"node": {"name": f"<{value}>"}}
    assert not source.mistakes


def test_plain_values_have_their_types_and_quoted_ones_are_text() -> None:
    source = read("a: 3\nb: '3'\nc: true\nd: 1.5\ne: null\nf: no\ng: 2026-01-01")
    assert source.data == {"a": 3, "b": "3", "c": True, "d": 1.5, "e": None, "f": "no", "g": "2026-01-01"}


def test_a_file_that_is_no_yaml_says_where() -> None:
    assert only_mistake(read("node: {name: a\nlinks: }")).startswith("node.yaml:2: this is not YAML at column ")


def test_a_file_that_is_no_map_is_an_error() -> None:
    assert only_mistake(read("- a\n- b")) == "node.yaml:1: a node file is a map with keys such as `node:` and `actors:`"


def test_an_alias_to_itself_is_an_error() -> None:
    assert "contains itself" in only_mistake(read("actors: &a {inner: *a}"))


def test_an_empty_file_holds_nothing() -> None:
    assert read("# only a comment\n").data == {}


def test_set_makes_the_maps_it_needs_and_reads_its_value_as_yaml() -> None:
    source = read("node:\n")
    source.override("node.listen=[tcp://a:1, tcp://b:2]")
    source.override("actors.master.options.tiles=8")
    assert source.data == {
        "node": {"listen": ["tcp://a:1", "tcp://b:2"]},
        "actors": {"master": {"options": {"tiles": 8}}},
    }
    assert source.origin(("node", "listen")) == "--set node.listen"


def test_set_takes_no_variables() -> None:
    source = read("", V="x")
    source.override("node.name='${V}'")
    assert source.data == {"node": {"name": "${V}"}}


@pytest.mark.parametrize("wrong", ["tiles", "=3", "a..b=3", "a.=1"])
def test_set_without_key_or_value_is_an_error(wrong: str) -> None:
    source = read("")
    source.override(wrong)
    assert "is not KEY=VALUE" in only_mistake(source)


def test_set_below_a_single_value_is_an_error() -> None:
    source = read("store: file:x")
    source.override("store.path=y")
    assert only_mistake(source) == "--set store.path: 'store' is a single value and has nothing below it"
