"""Role `all` as a user starts it: children come, are replaced and go with their parent."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.leaks import eventually
from tests.support.processes import Program, alive, running

pytestmark = pytest.mark.usefixtures("no_leaks")

CHILDREN = {"worker-1", "worker-2", "worker-3"}


@asynccontextmanager
async def everything(data: Path) -> AsyncIterator[tuple[Program, dict[str, int]]]:
    """A running role `all` on ports of its own, and the pids of its three workers."""
    own_ports = {"BRUME_LISTEN": "tcp://127.0.0.1:0", "BRUME_SITE": "http://127.0.0.1:0"}
    async with running("main.py", "--role", "all", "--data", str(data), "--log", "json", env=own_ports) as program:
        await program.line("node is up")
        assert await eventually(lambda: pids_by_child(program).keys() == CHILDREN)
        children = pids_by_child(program)
        yield program, children
        if program.process.returncode is None:
            program.send(signal.SIGTERM)
            assert await program.ended() == 0
        assert await eventually(lambda: not any(map(alive, pids_by_child(program).values())))


def entries(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.lines if line.startswith("{")]


def pids_by_child(program: Program) -> dict[str, int]:
    return {entry["child"]: entry["pid"] for entry in entries(program) if entry["event"] == "child started"}


async def get(program: Program, path: str) -> tuple[int, Any]:
    (site,) = {entry["url"] for entry in entries(program) if "url" in entry}
    async with aiohttp.ClientSession() as session, session.get(site + path) as answer:
        return answer.status, await answer.json()


async def test_no_worker_outlives_a_parent_killed_at_once(tmp_path: Path) -> None:
    async with everything(tmp_path) as (program, children):
        program.send(signal.SIGKILL)
        await program.ended()
        assert await eventually(lambda: not any(map(alive, children.values())), within=30)


async def test_ctrl_c_drains_all_and_exits_0(tmp_path: Path) -> None:
    async with everything(tmp_path) as (program, children):
        program.send_to_group(signal.SIGINT)
        assert await program.ended() == 0
        assert not any(map(alive, children.values()))
    assert not [line for line in program.lines if "Traceback" in line]


async def test_a_second_signal_stops_parent_and_children_at_once(tmp_path: Path) -> None:
    async with everything(tmp_path) as (program, children):
        os.kill(children["worker-1"], signal.SIGSTOP)  # its drain would take until the parent gives it up
        program.send(signal.SIGTERM)
        await program.line("draining")
        program.send(signal.SIGTERM)
        assert await program.ended() == 128 + signal.SIGTERM
        with suppress(ProcessLookupError):  # the system may have hung up on it: it is stopped and an orphan now
            os.kill(children["worker-1"], signal.SIGCONT)
        assert await eventually(lambda: not any(map(alive, children.values())), within=30)


async def test_a_killed_worker_is_replaced_while_the_node_stays_ready(tmp_path: Path) -> None:
    async with everything(tmp_path) as (program, children):
        os.kill(children["worker-2"], signal.SIGKILL)
        assert await eventually(lambda: pids_by_child(program)["worker-2"] != children["worker-2"])
        status, readiness = await get(program, "/readyz")
        assert (status, readiness) == (200, {"ready": True, "reasons": {}})

        async def all_answer() -> bool:
            status, actors = await get(program, "/actors")
            assert status == 200, actors
            return {node["name"] for node in actors["nodes"]} == {"all", *CHILDREN}

        assert await eventually(all_answer, within=60), "\n".join(program.lines)
