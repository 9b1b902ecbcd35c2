"""Children of this process: heard, restarted, given up and ended as `runtime.process` promises."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from runtime.process import Children, ChildSpec
from runtime.statistics import ChildStatistics
from runtime.supervisor import RestartPolicy
from tests.support.leaks import checked_for_leaks, eventually
from tests.support.processes import alive, captured_log

pytestmark = pytest.mark.usefixtures("no_leaks", "no_blocking")

uvloop.new_event_loop().close()  # its first loop opens a pipe that the process keeps for good
SOON = RestartPolicy(max_restarts=2, window=60, backoff=0.001)

STAY = "import signal; print('up'); signal.pause()"
FINISH_ON_TERM = """
import signal
def finish(*_):
    print('finished')
    raise SystemExit(0)
signal.signal(signal.SIGTERM, finish)
print('up')
while True: signal.pause()
"""
IGNORE_TERM = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
helper = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])
print('helper', helper.pid)
while True: signal.pause()
"""
TALK = """
import sys
print('plain words')
print('{"event": "tile done", "level": "warning", "tile": 3}')
print('{"event": "deep", "child": "inner"}')
print('a complaint', file=sys.stderr)
print('x' * 100_000)
sys.stdout.write('no newline at the end')
"""


def spec(code: str, name: str = "kid", *, optional: bool = False, restart: RestartPolicy = SOON) -> ChildSpec:
    return ChildSpec(name, [sys.executable, "-c", code], optional=optional, restart=restart)


def said(entries: list[dict[str, Any]], event: str) -> Callable[[], bool]:
    return lambda: any(entry["event"].startswith(event) for entry in entries)


def only(children: Children) -> ChildStatistics:
    (child,) = children.statistics()
    return child


async def test_a_childs_lines_are_logged_under_its_name() -> None:
    log, entries = captured_log()
    async with Children([spec(TALK)], log):
        assert await eventually(said(entries, "no newline"))
    by_event = {entry["event"]: entry for entry in entries}
    assert by_event["plain words"] == {"event": "plain words", "log_level": "info", "child": "kid"}
    assert by_event["tile done"] == {"event": "tile done", "log_level": "warning", "child": "kid", "tile": 3}
    assert by_event["deep"]["child"] == "kid/inner"
    assert by_event["a complaint"]["child"] == "kid"
    assert sum(len(entry["event"]) for entry in entries if set(entry["event"]) == {"x"}) == 100_000


async def test_a_killed_child_is_started_again() -> None:
    log, entries = captured_log()
    async with Children([spec(STAY)], log) as children:
        assert await eventually(said(entries, "up"))
        first = only(children)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        assert await eventually(lambda: only(children).restarts == 1 and only(children).state == "up")
        assert only(children).pid not in (None, first.pid)
        assert children.readiness() is None
    (ended,) = [entry for entry in entries if entry["event"] == "child ended, starting it again"]
    assert ended["reason"] == "killed by SIGKILL"


async def test_a_child_that_keeps_ending_is_given_up_and_readiness_says_so() -> None:
    log, _ = captured_log()
    async with Children([spec("raise SystemExit(3)")], log) as children:
        assert await eventually(lambda: only(children).state == "failed")
        assert only(children).restarts == SOON.max_restarts
        assert children.readiness() == "kid: exit code 3"


async def test_an_optional_child_that_is_given_up_leaves_the_node_ready() -> None:
    log, _ = captured_log()
    async with Children([spec("raise SystemExit(3)", optional=True)], log) as children:
        assert await eventually(lambda: only(children).state == "failed")
        assert children.readiness() is None


async def test_a_refused_configuration_is_not_tried_again() -> None:
    log, _ = captured_log()
    async with Children([spec("raise SystemExit(78)")], log) as children:
        assert await eventually(lambda: only(children).state == "failed")
        assert only(children).restarts == 0


async def test_giving_up_takes_the_node_along_where_the_policy_says_so() -> None:
    log, _ = captured_log()
    reasons: list[str] = []
    policy = RestartPolicy(max_restarts=0, escalate="node")
    async with Children([spec("raise SystemExit(3)", restart=policy)], log, escalate=reasons.append):
        assert await eventually(lambda: bool(reasons))
    assert reasons == ["child kid given up: exit code 3"]


async def test_a_missing_program_is_a_failure_with_a_reason() -> None:
    log, _ = captured_log()
    async with Children([ChildSpec("kid", ["/nowhere/python"], restart=SOON)], log) as children:
        assert await eventually(lambda: only(children).state == "failed")
        assert "/nowhere/python" in (only(children).reason or "")


async def test_a_child_whose_parts_are_missing_is_shown_as_not_installed() -> None:
    log, _ = captured_log()
    missing = ChildSpec("kid", ["unused"], optional=True, missing="needs the extra `edge`")
    async with Children([missing], log) as children:
        assert only(children) == ChildStatistics("kid", None, "not installed", "needs the extra `edge`", True, 0)
        assert children.readiness() is None


async def test_leaving_lets_every_child_finish() -> None:
    log, entries = captured_log()
    async with Children([spec(FINISH_ON_TERM, "one"), spec(FINISH_ON_TERM, "two")], log) as children:
        assert await eventually(lambda: sum(entry["event"] == "up" for entry in entries) == 2)
    assert [child.state for child in children.statistics()] == ["stopped", "stopped"]
    assert {entry["child"] for entry in entries if entry["event"] == "finished"} == {"one", "two"}


async def test_a_child_that_does_not_finish_is_killed_with_its_whole_session() -> None:
    log, entries = captured_log()
    async with Children([spec(IGNORE_TERM)], log, drain=0.1) as children:
        assert await eventually(said(entries, "helper"))
        pid = only(children).pid
        helper = next(int(entry["event"].split()[1]) for entry in entries if entry["event"].startswith("helper"))
    assert pid is not None
    assert not alive(pid)
    assert await eventually(lambda: not alive(helper))
    assert said(entries, "gave up waiting for child")()


async def test_stopping_in_the_middle_of_a_backoff_does_not_wait_for_it() -> None:
    log, _ = captured_log()
    patient = RestartPolicy(backoff=3600, backoff_max=3600)
    async with Children([spec("raise SystemExit(1)", restart=patient)], log) as children:
        assert await eventually(lambda: only(children).state == "restarting")
    assert only(children).state == "stopped"


async def test_a_cancelled_drain_kills_at_once() -> None:
    log, entries = captured_log()
    children = Children([spec(IGNORE_TERM)], log, drain=3600)
    await children.__aenter__()
    assert await eventually(said(entries, "helper"))
    pid = only(children).pid
    stopping = asyncio.create_task(children.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert pid is not None
    assert await eventually(lambda: not alive(pid))


async def test_a_child_holds_nothing_of_the_parent_but_its_lifeline(tmp_path: Path) -> None:
    log, entries = captured_log()
    show = "import os; print('holds', len([n for n in os.listdir('/proc/self/fd') if int(n) > 2]) - 1)"
    with (tmp_path / "open").open("w"):
        async with Children([spec(show + "; " + STAY)], log):
            assert await eventually(said(entries, "holds"))
    assert said(entries, "holds 1")()


def test_the_same_holds_on_the_loop_that_nodes_run_on() -> None:
    async def story() -> None:
        async with checked_for_leaks():
            await parts()

    async def parts() -> None:
        await test_a_childs_lines_are_logged_under_its_name()
        await test_a_killed_child_is_started_again()
        await test_a_missing_program_is_a_failure_with_a_reason()
        await test_leaving_lets_every_child_finish()
        await test_a_child_that_does_not_finish_is_killed_with_its_whole_session()
        await test_a_cancelled_drain_kills_at_once()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())
