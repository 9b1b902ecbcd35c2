"""When a loop counts as blocked, decided on given times; and once on a loop that really is."""

from __future__ import annotations

import threading

from runtime.ops.watchdog import BlockDetector, Watchdog
from tests.support.leaks import eventually
from tests.support.processes import captured_log


def test_a_loop_that_ticks_is_never_reported() -> None:
    detector = BlockDetector(1.0, now=0.0)
    for step in range(1, 40):
        assert detector.tick(step * 0.25) is None
        assert not detector.look(step * 0.25 + 0.1)


def test_a_blocked_loop_is_reported_once_and_its_end_tells_for_how_long() -> None:
    detector = BlockDetector(1.0, now=0.0)
    looks = [detector.look(now) for now in (0.5, 1.0, 1.5, 2.0, 2.5)]
    assert looks == [False, False, True, False, False]
    assert detector.tick(3.0) == 3.0
    assert detector.tick(3.25) is None


def test_the_next_block_is_reported_again() -> None:
    detector = BlockDetector(1.0, now=0.0)
    assert not detector.look(0.9)
    assert detector.look(1.8)
    detector.tick(2.0)
    assert not detector.look(2.7)
    assert detector.look(3.2)


def test_a_stopped_process_is_not_taken_for_a_blocked_loop() -> None:
    detector = BlockDetector(1.0, now=0.0)
    assert not detector.look(0.5)
    assert not detector.look(60.0)
    assert not detector.look(60.5)
    assert detector.look(61.1)


def wait_where_nobody_should(until: threading.Event) -> None:
    until.wait(30)


async def test_the_log_names_the_function_that_blocks_the_loop() -> None:
    reported = threading.Event()

    log, entries = captured_log(lambda event: reported.set() if event == "loop blocked" else None)
    async with Watchdog(log, limit=0.05) as watchdog:
        wait_where_nobody_should(reported)
        assert await eventually(lambda: any(entry["event"] == "loop runs again" for entry in entries))
        assert watchdog.lag() > 0
    (blocked,) = [entry for entry in entries if entry["event"] == "loop blocked"]
    assert "wait_where_nobody_should" in blocked["stack"]
