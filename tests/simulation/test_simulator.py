"""The simulator itself: it repeats itself, it finds what it should find, and its connections behave like TCP."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.actors import Tally
from tests.support.nodes import edge, hub
from tests.support.simloop import Stuck, on_host
from tests.support.simnet import Network
from tests.support.simulate import Leak, run_seed, simulate

ROOT = Path(__file__).parents[2]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def conversation(network: Network) -> None:
    with on_host("far"):
        server = await asyncio.start_server(echo, "127.0.0.1", 7000)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7000)
    sent = bytes(range(256)) * 2000
    writer.write(sent)
    writer.write_eof()
    assert await reader.read() == sent
    writer.close()
    await writer.wait_closed()
    server.close()


def test_the_same_seed_gives_the_same_run() -> None:
    assert run_seed(conversation, 7, trace=True) == run_seed(conversation, 7, trace=True)


def test_another_seed_gives_another_run() -> None:
    assert run_seed(conversation, 7, trace=True) != run_seed(conversation, 8, trace=True)


async def broken_links(network: Network) -> None:
    async with hub() as center, edge() as outer:
        await center.spawn(Tally)
        tally = outer.ref(Tally, "hub/tally")
        asks = [asyncio.create_task(tally.add(number)) for number in range(20)]
        network.loop.call_later(0.1, network.cut, "hub", "edge")
        await asyncio.gather(*asks, return_exceptions=True)
        await outer.wait_linked("hub")
        await tally.add(1)


def digest(seed: int) -> str:
    """One number for a whole run of nodes and links."""
    return hashlib.sha256("\n".join(run_seed(broken_links, seed, trace=True)).encode()).hexdigest()


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_seed_replays_in_another_process(hash_seed: str) -> None:
    code = "from tests.simulation.test_simulator import digest; print(digest(3), end='')"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    replay = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, check=True)
    assert replay.stdout.decode() == digest(3)


@simulate()
async def test_bytes_arrive_whole_and_in_order_however_they_are_sliced(network: Network) -> None:
    await conversation(network)


@simulate(seeds=1, limit=4000)
async def test_a_virtual_hour_costs_no_real_one(network: Network) -> None:
    before = network.loop.time()
    for _ in range(3600):
        await asyncio.sleep(1.0)
    assert network.loop.time() - before == pytest.approx(3600.0)


def test_a_race_is_found_within_100_seeds() -> None:
    async def lost_update(network: Network) -> None:
        total = 0

        async def add() -> None:
            nonlocal total
            seen = total
            await asyncio.to_thread(int)
            total = seen + 1

        await asyncio.gather(add(), add())
        assert total == 2

    with pytest.raises(AssertionError):
        simulate()(lost_update)()


def test_a_failing_seed_is_named_with_the_command_that_replays_it() -> None:
    async def fails(network: Network) -> None:
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted") as caught:
        simulate()(fails)()
    assert re.search(r"seed 0; again with: BRUME_SEED=0 python -m pytest 'tests/", caught.value.__notes__[0])


def test_a_standstill_is_an_error() -> None:
    async def waits(network: Network) -> None:
        await network.loop.create_future()

    with pytest.raises(Stuck, match="nothing is scheduled"):
        run_seed(waits, 0)


def test_a_task_left_behind_is_an_error() -> None:
    async def forgets(network: Network) -> None:
        network.loop.create_task(asyncio.sleep(100), name="forgotten")

    with pytest.raises(Leak, match="forgotten"):
        run_seed(forgets, 0)


def test_a_connection_left_open_is_an_error() -> None:
    kept: list[object] = []

    async def forgets(network: Network) -> None:
        kept.append(await asyncio.start_server(echo, "127.0.0.1", 7000))
        kept.append(await asyncio.open_connection("127.0.0.1", 7000))

    with pytest.raises(Leak, match=r"tasks: .*connections: .*listeners: "):
        run_seed(forgets, 0)


def test_an_exception_nobody_takes_is_an_error() -> None:
    async def fails(network: Network) -> None:
        network.loop.call_soon(lambda: 1 // 0)

    with pytest.raises(Leak, match="ZeroDivisionError"):
        run_seed(fails, 0)


@simulate()
async def test_a_writer_ahead_of_its_reader_is_paused(network: Network) -> None:
    async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)
        assert len(await reader.read()) == 1 << 20
        writer.close()

    server = await asyncio.start_server(idle, "127.0.0.1", 7000)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7000)
    writer.write(bytes(1 << 20))
    before = network.loop.time()
    await writer.drain()
    assert network.loop.time() - before > 50
    writer.close()
    assert await reader.read() == b""
    server.close()


@simulate()
async def test_a_frozen_host_answers_after_the_thaw(network: Network) -> None:
    with on_host("far"):
        server = await asyncio.start_server(echo, "127.0.0.1", 7000)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7000)
    network.freeze("far")
    writer.write(b"x")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 100)
    network.thaw("far")
    assert await reader.read(1) == b"x"
    writer.close()
    server.close()


@simulate()
async def test_a_partition_delays_and_loses_nothing(network: Network) -> None:
    with on_host("far"):
        server = await asyncio.start_server(echo, "127.0.0.1", 7000)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7000)
    network.partition("main", "far")
    writer.write(bytes(5000))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readexactly(1), 100)
    network.heal("main", "far")
    assert await reader.readexactly(5000) == bytes(5000)
    writer.close()
    server.close()


@pytest.mark.parametrize("fault", ["kill", "cut"])
@simulate()
async def test_a_broken_connection_ends_at_once(network: Network, fault: str) -> None:
    with on_host("far"):
        server = await asyncio.start_server(echo, "127.0.0.1", 7000)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7000)
    if fault == "kill":
        network.kill("far")
    else:
        network.cut("main", "far")
    before = network.loop.time()
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    assert network.loop.time() - before < 1
    writer.close()
    server.close()


@simulate()
async def test_a_transport_can_change_to_a_buffered_protocol(network: Network) -> None:
    class Four(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer = bytearray(4)
            self.whole: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self.seen = b""

        def get_buffer(self, sizehint: int) -> memoryview:
            return memoryview(self.buffer)

        def buffer_updated(self, nbytes: int) -> None:
            self.seen += self.buffer[:nbytes]
            if len(self.seen) == 1000:
                self.whole.set_result(self.seen)

    server = await asyncio.start_server(echo, "127.0.0.1", 7000)
    reader, writer = await asyncio.open_connection("127.0.0.1", 7000)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    four = Four()
    writer.transport.set_protocol(four)
    writer.transport.writelines([bytes(500), memoryview(bytes(500))])
    assert await four.whole == bytes(1000)
    writer.transport.abort()
    server.close()
