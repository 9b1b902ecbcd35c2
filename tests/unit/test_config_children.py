"""What a child node is told on its command line: `config.children`."""

from __future__ import annotations

import json

import pytest

from config.children import child_names, child_overrides, child_specs, reachable
from config.load import parse
from config.schema import ProcessSection

TOKEN = "0123456789abcdef" * 2


def test_children_are_numbered_only_where_a_count_is_given() -> None:
    assert child_names("worker", ProcessSection(role="worker")) == ["worker"]
    assert child_names("worker", ProcessSection(role="worker", count=2)) == ["worker-1", "worker-2"]


def test_a_link_to_parent_becomes_the_parents_listener() -> None:
    section = ProcessSection(role="worker", links={"hub": "parent"})
    told = child_overrides(section, "worker-1", "tcp://127.0.0.1:4000")
    assert told == ['node.name="worker-1"', 'links.hub="tcp://127.0.0.1:4000"']


def test_a_child_without_such_a_link_gets_one_of_its_own_so_that_its_parent_can_ask_it() -> None:
    told = child_overrides(ProcessSection(role="gateway"), "site", "unix:/run/p")
    assert 'links.parent="unix:/run/p"' in told


def test_what_the_parent_sets_survives_the_command_line_whole() -> None:
    section = ProcessSection(role="worker", set={"actors.worker.options": {"results": 'a "b" ${C}: é', "n": 3}})
    key, _, value = child_overrides(section, "w", "unix:p")[-1].partition("=")
    child = parse("actors: {worker: {type: 'm:C'}}", "w.yaml", [f"{key}={value}"], {})
    assert child.file.actors["worker"].options == json.loads(value) == {"results": 'a "b" ${C}: é', "n": 3}


@pytest.mark.parametrize(
    ("listener", "dialled"),
    [
        ("tcp://0.0.0.0:7100", "tcp://127.0.0.1:7100"),
        ("tcp://[::]:7100", "tcp://[::1]:7100"),
        ("tcp://192.0.2.1:7100", "tcp://192.0.2.1:7100"),
        ("unix:/run/b", "unix:/run/b"),
    ],
)
def test_a_wildcard_listener_is_dialled_on_the_loopback(listener: str, dialled: str) -> None:
    assert reachable(listener) == dialled


def test_a_secret_goes_by_the_environment_and_not_by_the_command_line() -> None:
    loaded = parse(f"auth: {{token: {TOKEN}}}\nprocesses: {{w: {{role: worker, count: 2}}}}", "n.yaml", [], {})
    specs = child_specs(loaded, ["--data", "/d"], "tcp://127.0.0.1:1", {}, {"BRUME_TOKEN": TOKEN})
    assert [spec.name for spec in specs] == ["w-1", "w-2"]
    assert all(TOKEN not in " ".join(spec.argv) and spec.environment == {"BRUME_TOKEN": TOKEN} for spec in specs)
    assert TOKEN not in repr(specs)
