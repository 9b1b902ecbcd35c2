"""What signals do to a node that serves: drain, stop at once, dump."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.support.processes import running

NODE = """
import asyncio, sys
from pathlib import Path

import structlog

from runtime import Actor, Node, Options, op
from runtime.ops import dump, logging

class Slow(Actor[Options]):
    @op
    async def work(self, gate: str) -> None:
        print("working", flush=True)
        while not Path(gate).exists():
            await asyncio.sleep(0.01)
        print("worked", flush=True)

async def main():
    async with Node("edge", drain=60) as node:
        dump.install(node, structlog.get_logger("brume"))
        slow = await node.spawn(Slow)
        await slow.work.tell(sys.argv[1])
        return await node.serve()

logging.configure("json")
sys.exit(asyncio.run(main()))
"""


async def test_a_terminated_node_finishes_what_it_accepted_and_exits_0(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        gate = tmp_path / number.name
        async with running("-c", NODE, str(gate)) as node:
            await node.line("working")
            node.send(number)
            await node.line("draining")
            gate.touch()
            assert await node.ended() == 0
        assert "worked" in node.lines


async def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    async with running("-c", NODE, str(tmp_path / "never")) as node:
        await node.line("working")
        node.send(signal.SIGTERM)
        await node.line("draining")
        node.send(signal.SIGTERM)
        assert await node.ended() == 128 + signal.SIGTERM
    assert "worked" not in node.lines


async def test_sigusr1_dumps_actors_and_tasks_and_changes_nothing(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running("-c", NODE, str(gate)) as node:
        await node.line("working")
        node.send(signal.SIGUSR1)
        actor = json.loads(await node.line("dump of actor"))
        assert (actor["name"], actor["busy"]) == ("slow", 1)
        task = json.loads(await node.line("work <string>"))
        assert task["event"] == "dump of task"
        gate.touch()
        await node.line("worked")
        node.send(signal.SIGTERM)
        assert await node.ended() == 0
