"""main.py as a user meets it: what it prints, and the code it ends with."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.support.processes import ROOT, alive, running

TALLY = "tally: {type: 'tests.support.actors:Tally'}"


def main(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "main.py", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def node_file(tmp_path: Path) -> Path:
    return tmp_path / "node.yaml"


def as_options(node_file: Path, text: str | None = None) -> list[str]:
    if text is not None:
        node_file.write_text(text)
    return ["--config", str(node_file), "--data", str(node_file.parent / "data")]


def test_help_lists_every_role_with_its_kind_and_first_comment() -> None:
    done = main("--help")
    assert done.returncode == 0
    for path in (ROOT / "config/roles").glob("*.yaml"):
        comment = path.read_text().splitlines()[0].removeprefix("# ")
        assert re.search(rf"^  {path.stem} +(service|tool) +{re.escape(comment)}$", done.stdout, re.MULTILINE)


def test_nothing_to_run_is_a_usage_error() -> None:
    done = main()
    assert done.returncode == 2
    assert "--role ROLE or --config FILE" in done.stderr


def test_a_service_takes_no_arguments() -> None:
    done = main("--role", "gateway", "left", "--over")
    assert done.returncode == 2
    assert "a service takes no arguments of its own: left --over" in done.stderr


def test_an_unknown_role_is_bad_config() -> None:
    done = main("--role", "gatewy")
    assert done.returncode == 78
    assert "did you mean 'gateway'?" in done.stderr


def test_a_check_prints_each_mistake_with_its_line(node_file: Path) -> None:
    node_file.write_text("node:\n  nmae: x\nactors:\n  tally: {type: 'tests.support.actors:Tlly'}\n")
    done = main("--config", str(node_file), "--check")
    assert done.returncode == 78
    assert done.stdout.splitlines() == [
        f"{node_file}:2: node.nmae: unknown key, did you mean 'name'?",
        f"{node_file}:4: actors.tally.type: tests.support.actors has no 'Tlly', did you mean 'Tally'?",
    ]


def test_a_sound_file_passes_its_check(node_file: Path) -> None:
    node_file.write_text(f"actors: {{{TALLY}}}")
    done = main("--config", str(node_file), "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_schema_and_the_file_in_force_can_be_printed(node_file: Path) -> None:
    assert json.loads(main("--schema").stdout)["title"] == "NodeFile"
    node_file.write_text(f"actors: {{{TALLY}}}")
    done = main("--config", str(node_file), "--set", "actors.tally.options.start=40", "--print-config", "--json")
    assert json.loads(done.stdout)["actors"]["tally"]["options"] == {"start": 40}
    options = json.loads(main("--config", str(node_file), "--schema").stdout)["properties"]["actors"]["properties"]
    assert options["tally"]["properties"]["options"]["properties"]["start"]["type"] == "integer"


@pytest.mark.parametrize("flag", [[], ["--check"]])
def test_a_listener_for_everybody_without_auth_is_refused(node_file: Path, flag: list[str]) -> None:
    node_file.write_text("node: {listen: 'tcp://0.0.0.0:0'}")
    done = main(*as_options(node_file), *flag)
    assert done.returncode == 78
    assert "auth.insecure: true" in done.stdout + done.stderr


def test_a_busy_port_is_a_clear_temporary_failure(node_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        node_file.write_text(f"node: {{listen: '{address}'}}")
        done = main(*as_options(node_file))
    assert done.returncode == 75
    words = f"brume: node node cannot start: cannot listen at {address}: Address already in use"
    assert done.stderr.splitlines()[-1] == words
    assert "Traceback" not in done.stderr


def test_an_actor_that_breaks_at_its_start_is_an_internal_failure(node_file: Path) -> None:
    node_file.write_text("actors: {bad: {type: 'tests.support.broken:BreaksAtStart'}}")
    done = main(*as_options(node_file))
    assert done.returncode == 70
    assert "the reason it broke" in done.stderr


async def test_a_service_makes_its_token_comes_up_and_ends_with_0_on_sigterm(node_file: Path) -> None:
    text = f"node: {{name: solo, listen: 'tcp://127.0.0.1:0'}}\nactors: {{{TALLY}}}"
    async with running("main.py", *as_options(node_file, text)) as service:
        await service.line("node is up")
        assert (node_file.parent / "data/token").stat().st_mode & 0o777 == 0o600
        service.send(signal.SIGTERM)
        assert await service.ended() == 0


async def test_a_node_without_a_site_shows_its_health_where_its_file_says(node_file: Path) -> None:
    text = f"node: {{name: solo, ops: 'http://127.0.0.1:0'}}\nactors: {{{TALLY}}}"
    async with running("main.py", *as_options(node_file, text), "--log", "json") as service:
        await service.line("node is up")
        url = json.loads(await service.line("ops endpoints are up"))["url"]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": {}})
        async with aiohttp.ClientSession() as session, session.get(f"{url}/actors") as answer:
            (node,) = (await answer.json())["nodes"]
        assert [actor["name"] for actor in node["actors"]] == ["node", "tally"]


def test_an_optional_actor_of_a_wrong_type_is_still_a_mistake(node_file: Path) -> None:
    node_file.write_text(f"actors:\n  {TALLY}\n  bad: {{type: 'actors.nowhere:Gone', optional: true}}\n")
    done = main("--config", str(node_file), "--check")
    assert done.stdout == f"{node_file}:3: actors.bad.type: there is no module 'actors.nowhere'\n"


async def test_children_link_back_under_their_names_and_end_with_their_parent(node_file: Path) -> None:
    kid = "{role: gateway, count: 2, links: {hub: parent}, set: {actors.gateway.options.listen: 'http://127.0.0.1:0'}}"
    text = f"node: {{name: parent}}\nprocesses:\n  kid: {kid}\n"
    async with running("main.py", *as_options(node_file, text), "--log", "json") as parent:
        started = [json.loads(await parent.line(f'"child": "kid-{n}"')) for n in (1, 2)]
        for n in (1, 2):
            await parent.line(f'"child": "kid-{n}", "link": "hub", "peer": "parent", "event": "link up"')
        parent.send(signal.SIGTERM)
        assert await parent.ended() == 0
    assert not any(alive(line["pid"]) for line in started)


async def test_json_logs_are_one_object_a_line(node_file: Path) -> None:
    async with running("main.py", *as_options(node_file, "node: {name: solo}"), "--log", "json") as service:
        await service.line("node is up")
        service.send(signal.SIGINT)
        assert await service.ended() == 0
    assert [json.loads(line)["level"] for line in service.lines]


def test_a_tool_gets_its_arguments_and_its_context(node_file: Path) -> None:
    node_file.write_text("tool: 'tests.support.tools:show'\nlinks: {hub: 'unix:hub.sock'}\nstore: 'file:bucket'\n")
    data = node_file.parent / "data"
    done = main(*as_options(node_file), "--json", "one.jpg", "-o", "two.png", "--verify")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    token = (data / "token").read_text()[:4]
    assert shown == {
        "argv": ["one.jpg", "-o", "two.png", "--verify"], "data": str(data), "json": True,
        "links": {"hub": f"unix:{data}/hub.sock"}, "store": f"file:{data}/bucket", "queue": None, "tokens": [token],
    }  # fmt: skip


def test_a_tool_lists_its_own_arguments() -> None:
    done = main("--role", "split", "--help")
    assert done.returncode == 0
    assert "--verify" in done.stdout


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("spoiled", 65, "brume: this apple is spoiled (take another)\n"),
        ("late", 75, "brume: nobody answered\n"),
        ("broken", 70, "RuntimeError: a bug"),
    ],
)
def test_a_tools_error_becomes_an_exit_code(node_file: Path, error: str, code: int, words: str) -> None:
    node_file.write_text("tool: 'tests.support.tools:fail'")
    done = main(*as_options(node_file), error)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stdout == ""
