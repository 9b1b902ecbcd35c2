"""The queue clock goes on evenly whatever the machine's counter does."""

from hypothesis import given
from hypothesis import strategies as st

from actors.kit.queues.sqlite.clock import QueueTime, adopt, boot_id, ticks_since_boot

TICKS = st.integers(min_value=0, max_value=10**15)


def test_a_new_file_starts_at_zero() -> None:
    kept = adopt(QueueTime("", 0, 0), "today", 7_000)
    assert kept.reads(7_000) == 0


@given(TICKS, TICKS)
def test_within_a_boot_the_clock_follows_the_counter(start: int, passed: int) -> None:
    kept = adopt(QueueTime("", 0, 0), "today", start)
    later = adopt(kept, "today", start + passed)
    assert later.reads(start + passed) - kept.reads(start) == passed


@given(TICKS, TICKS, TICKS)
def test_after_a_reboot_it_goes_on_from_the_last_time_seen(offset: int, seen: int, ticks: int) -> None:
    assert adopt(QueueTime("yesterday", offset, seen), "today", ticks).reads(ticks) == seen


@given(TICKS, TICKS, TICKS)
def test_it_never_goes_back_where_boots_have_no_name(offset: int, seen: int, ticks: int) -> None:
    assert adopt(QueueTime("", offset, seen), "", ticks).reads(ticks) >= seen


def test_the_machines_own_counter_runs_and_its_boot_stays_the_same() -> None:
    before = ticks_since_boot()
    assert ticks_since_boot() >= before > 0
    assert boot_id() == boot_id()
