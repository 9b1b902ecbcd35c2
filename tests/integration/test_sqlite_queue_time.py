"""Visibility in a queue file: what jumps of clocks, restarts and reboots do to it (nothing)."""

from __future__ import annotations

import random
from pathlib import Path

from actors.kit.queues.base import Draft
from tests.support.machine import EPOCH, Machine


async def test_fifty_jumps_of_the_wall_clock_change_no_visibility(tmp_path: Path) -> None:
    machine, chance = Machine(), random.Random(50)
    broker = machine.broker(tmp_path / "queue.db")
    queue = await broker.queue("lab2")
    await queue.send([Draft("1")])
    for jump in range(50):
        (message,) = await queue.receive(visibility=10)
        assert message.receives == jump + 1
        machine.wall = chance.uniform(0, 4e9)
        assert await queue.receive() == []
        machine.pass_time(9.9)
        assert await queue.receive() == []
        machine.pass_time(0.2)
    assert (await queue.depth()).waiting == 1
    await broker.close()


async def test_the_wall_clock_dates_messages_and_nothing_else(tmp_path: Path) -> None:
    machine = Machine(wall=EPOCH)
    broker = machine.broker(tmp_path / "queue.db")
    queue = await broker.queue("lab2")
    await queue.send([Draft("1")])
    machine.wall -= 3600
    machine.pass_time(5)
    assert (await queue.depth()).oldest == 5
    (message,) = await queue.receive()
    assert message.sent_at == EPOCH * 1000
    await broker.close()


async def test_a_restart_changes_no_visibility(tmp_path: Path) -> None:
    machine = Machine()
    first = machine.broker(tmp_path / "queue.db")
    queue = await first.queue("lab2")
    await queue.send([Draft("1")])
    await queue.receive(visibility=10)
    await first.close()
    machine.pass_time(6)
    second = machine.broker(tmp_path / "queue.db")
    queue = await second.queue("lab2")
    assert await queue.receive() == []
    machine.pass_time(4)
    assert len(await queue.receive()) == 1
    await second.close()


async def test_after_a_reboot_a_message_stays_hidden_for_what_was_left(tmp_path: Path) -> None:
    machine = Machine(uptime=10**12)
    first = machine.broker(tmp_path / "queue.db")
    queue = await first.queue("lab2")
    await queue.send([Draft("1"), Draft("2")])
    await queue.receive(1, visibility=10)
    machine.pass_time(6)
    await queue.receive(1, visibility=1)
    await first.close()
    machine.reboot()
    machine.wall += 86_400
    second = machine.broker(tmp_path / "queue.db")
    queue = await second.queue("lab2")
    assert await queue.receive() == []
    machine.pass_time(1)
    assert [message.body for message in await queue.receive()] == ["2"]
    machine.pass_time(3)
    assert [message.body for message in await queue.receive()] == ["1"]
    await second.close()
