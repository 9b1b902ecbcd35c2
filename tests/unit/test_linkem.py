"""What the link emulator decides for a packet."""

from __future__ import annotations

import random

import pytest

from tests.support.linkem import QUEUE_SECONDS, Wire


def wire(delay: float = 0.01) -> Wire:
    return Wire(random.Random(1), rate=1000.0, delay=delay)


def test_a_packet_arrives_after_its_own_length_and_the_delay() -> None:
    assert wire(delay=0.5).carry(0, 100, now=10.0) == pytest.approx(10.6)


def test_packets_of_one_direction_queue_behind_each_other() -> None:
    link = wire(delay=0.0)
    link.carry(0, 100, now=0.0)
    assert link.carry(0, 100, now=0.0) == pytest.approx(0.2)
    assert link.carry(1, 100, now=0.0) == pytest.approx(0.1)


def test_a_full_queue_drops_its_tail() -> None:
    link = wire()
    link.carry(0, int(1000 * QUEUE_SECONDS) + 1, now=0.0)
    assert link.carry(0, 1, now=0.0) is None


def test_nothing_passes_while_the_link_is_down() -> None:
    link = wire()
    link.obey("down")
    assert link.carry(0, 100, now=0.0) is None
    link.obey("up")
    assert link.carry(0, 100, now=0.0) is not None


def test_the_loss_asked_for_is_the_loss_seen() -> None:
    link = wire()
    link.obey("loss 0.25")
    lost = sum(link.carry(0, 0, now=0.0) is None for _ in range(4000))
    assert lost / 4000 == pytest.approx(0.25, abs=0.03)


def test_an_unknown_command_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown command 'sideways'; rate, delay, loss, down and up are known"):
        wire().obey("sideways")
