"""A peer in another process that is killed, stopped, or cut off from the network."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from runtime import Auth, Node, PeerLost, deadline
from tests.support.actors import Gate, Tally
from tests.support.leaks import checked_for_leaks
from tests.support.linkem import HERE, EmulatedLink
from tests.support.remote_node import TOKEN

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def hub(host: str = "127.0.0.1") -> AsyncIterator[Node]:
    node = Node("hub", listen=[f"tcp://{host}:0"], auth=Auth(tokens=[TOKEN]))
    async with checked_for_leaks(), node:
        yield node


@contextmanager
def far_process(hub: Node, prefix: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A node named `far` that dials `hub`."""
    command = [*prefix, sys.executable, "-m", "tests.support.remote_node", hub.addresses[0]]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def far_link(node: Node) -> Gate:
    """The gate of the far node, once it is linked."""
    async with asyncio.timeout(60):
        await node.wait_linked("far")
    return node.ref(Gate, "far/gate")


async def test_asks_of_a_killed_process_end_in_peer_lost() -> None:
    async with hub() as node:
        with far_process(node) as process:
            gate = await far_link(node)
            with deadline(60):
                ask = asyncio.create_task(gate.enter("x"))
                await gate.note("it is under way")
                process.kill()
                with pytest.raises(PeerLost) as caught:
                    await ask
        assert caught.value.executed == "unknown"


async def test_asks_of_a_stopped_process_end_in_peer_lost_and_it_may_come_back() -> None:
    async with hub() as node:
        with far_process(node) as process:
            gate = await far_link(node)
            with deadline(60):
                ask = asyncio.create_task(gate.enter("x"))
                await gate.note("it is under way")
                process.send_signal(signal.SIGSTOP)
                with pytest.raises(PeerLost):
                    await ask
                await node.wait_lost(gate)
                process.send_signal(signal.SIGCONT)
                await far_link(node)
                assert await node.ref(Tally, "far/tally").add(2) == 2


@pytest.mark.root
async def test_asks_over_a_partition_end_in_peer_lost_and_the_link_heals(link: EmulatedLink) -> None:
    async with hub(HERE) as node:
        with far_process(node, link.inside):
            gate = await far_link(node)
            with deadline(60):
                ask = asyncio.create_task(gate.enter("x"))
                await gate.note("it is under way")
                link.set("down")
                with pytest.raises(PeerLost):
                    await ask
                link.set("up")
                await far_link(node)
                assert await node.ref(Tally, "far/tally").add(2) == 2
