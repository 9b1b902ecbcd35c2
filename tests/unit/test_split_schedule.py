"""The schedule of tiles: what it promises one by one, then a machine that throws everything at it in any order."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.split.instructions import Assign, Attempt, Finished, Hopeless, Instruction, Policy, Resend, Revoke, Stranded
from actors.split.schedule import Schedule

G = "5.0.0/digest"


def assigned(instructions: list[Instruction]) -> list[Attempt]:
    return [i.attempt for i in instructions if isinstance(i, Assign)]


def resent(instructions: list[Instruction]) -> list[tuple[str, int]]:
    return [(i.attempt.job, i.attempt.tile) for i in instructions if isinstance(i, Resend)]


def schedule_of(*workers: str, slots: int = 2) -> Schedule:
    schedule = Schedule()
    for name in workers:
        schedule.add_worker(name, G, slots, 1.0, 0.0)
    return schedule


def done(schedule: Schedule, attempt: Attempt, now: float) -> list[Instruction]:
    assert schedule.grant(attempt)
    return schedule.commit(attempt, now)


def test_tiles_are_spread_over_the_workers_before_anyone_gets_a_second() -> None:
    schedule = schedule_of("a", "b")
    first = assigned(schedule.add_job("j", G, 3, 1.0, 0.0))
    assert [(a.tile, a.worker) for a in first] == [(0, "a"), (1, "b"), (2, "a")]


def test_a_worker_that_finishes_pulls_the_next_tile() -> None:
    schedule = schedule_of("a", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 2, 1.0, 0.0))
    (second,) = assigned(done(schedule, first, 1.0))
    assert second.tile == 1
    assert done(schedule, second, 2.0) == [Finished("j")]


def test_a_lost_workers_tiles_go_to_others_at_once() -> None:
    schedule = schedule_of("a", "b")
    schedule.add_job("j", G, 3, 1.0, 0.0)
    instructions = schedule.lose_worker("a", 0.5)
    assert resent(instructions) == [("j", 0), ("j", 2)]
    assert [(a.tile, a.worker) for a in assigned(instructions)] == [(0, "b")]


def test_the_rows_of_a_tile_are_granted_to_one_attempt_only() -> None:
    schedule = schedule_of("a", "b", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    (copy,) = assigned(schedule.tick(10.0))
    assert copy.duplicate
    assert copy.worker == "b"
    assert schedule.grant(copy)
    assert not schedule.grant(first)


def test_a_late_reply_is_refused_after_the_tile_is_done() -> None:
    schedule = schedule_of("a", "b", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    (copy,) = assigned(schedule.tick(10.0))
    assert Revoke(first) in done(schedule, copy, 11.0)
    assert not schedule.grant(first)


def test_a_grant_returns_when_its_worker_is_lost_while_sending() -> None:
    schedule = schedule_of("a", "b", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    assert schedule.grant(first)
    (again,) = assigned(schedule.lose_worker("a", 1.0))
    assert schedule.grant(again)


def test_no_tile_is_duplicated_while_one_is_unassigned() -> None:
    schedule = Schedule()
    schedule.add_worker("a", G, 1, 1.0, 0.0)
    schedule.add_worker("b", "other", 1, 1.0, 0.0)
    schedule.add_job("waiting", "other", 3, 1.0, 0.0)
    schedule.add_job("j", G, 1, 1.0, 0.0)
    schedule.add_worker("c", G, 1, 1.0, 0.0)
    assert assigned(schedule.tick(100.0)) == []


def test_a_straggling_tile_is_duplicated_once_and_never_again() -> None:
    schedule = schedule_of("a", "b", "c", slots=1)
    schedule.add_job("j", G, 1, 1.0, 0.0)
    assert assigned(schedule.tick(1.0)) == []
    assert schedule.wake_at(1.0) == pytest.approx(2.0)
    assert len(assigned(schedule.tick(2.0))) == 1
    assert assigned(schedule.tick(100.0)) == []


def test_without_any_measure_nothing_straggles() -> None:
    schedule = schedule_of("a", "b", slots=1)
    schedule.add_job("j", G, 1, float("inf"), 0.0)
    assert assigned(schedule.tick(1e6)) == []
    assert schedule.wake_at(1e6) is None


def test_a_tile_being_received_is_not_duplicated() -> None:
    schedule = schedule_of("a", "b", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    schedule.grant(first)
    assert assigned(schedule.tick(100.0)) == []


def test_a_worker_that_offends_is_quarantined_longer_each_time() -> None:
    schedule = schedule_of("a", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    instructions = schedule.offend(first, "a reply of the wrong shape", 1.0)
    assert resent(instructions) == [("j", 0)]
    assert Stranded("j") in instructions
    assert assigned(schedule.tick(5.9)) == []
    (second,) = assigned(schedule.tick(6.0))
    schedule.offend(second, "again", 6.0)
    assert assigned(schedule.tick(15.9)) == []
    assert len(assigned(schedule.tick(16.0))) == 1


def test_a_good_tile_ends_the_record_of_offences() -> None:
    schedule = schedule_of("a", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 2, 1.0, 0.0))
    schedule.offend(first, "garbage", 0.0)
    (second,) = assigned(schedule.tick(5.0))
    (third,) = assigned(done(schedule, second, 6.0))
    schedule.offend(third, "garbage", 7.0)
    assert schedule.wake_at(7.0) == pytest.approx(12.0)


def test_registering_again_does_not_end_a_quarantine() -> None:
    schedule = schedule_of("a", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    schedule.offend(first, "garbage", 0.0)
    assert assigned(schedule.add_worker("a", G, 1, 1.0, 1.0)) == []


def test_coming_back_does_not_end_a_quarantine() -> None:
    schedule = schedule_of("a", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    schedule.offend(first, "garbage", 0.0)
    schedule.lose_worker("a", 1.0)
    assert assigned(schedule.add_worker("a", G, 1, 1.0, 2.0)) == []
    assert len(assigned(schedule.tick(5.0))) == 1


def test_slowness_never_quarantines() -> None:
    schedule = schedule_of("a", "b", slots=1)
    schedule.add_job("j", G, 2, 0.001, 0.0)
    schedule.tick(10_000.0)
    assert schedule.usable(G, 10_000.0) == ["a", "b"]


def test_a_tile_that_fails_everywhere_gives_its_job_up() -> None:
    schedule = Schedule(Policy(failures=2))
    schedule.add_worker("a", G, 1, 1.0, 0.0)
    (first,) = assigned(schedule.add_job("j", G, 1, 1.0, 0.0))
    schedule.offend(first, "ValueError", 0.0)
    (second,) = assigned(schedule.tick(5.0))
    assert Hopeless("j", "ValueError") in schedule.offend(second, "ValueError", 5.0)
    assert schedule.jobs == {}


def test_a_second_job_gets_its_share_while_the_first_is_long() -> None:
    schedule = schedule_of("a", "b", slots=1)
    running = assigned(schedule.add_job("long", G, 100, 1.0, 0.0))
    schedule.add_job("short", G, 4, 1.0, 0.0)
    served = []
    for now in range(8):
        after = assigned(done(schedule, running.pop(0), float(now)))
        running += after
        served += [a.job for a in after]
    assert served.count("short") == 4


def test_a_dropped_job_revokes_what_is_in_flight_and_frees_the_workers() -> None:
    schedule = schedule_of("a", slots=1)
    (first,) = assigned(schedule.add_job("j", G, 2, 1.0, 0.0))
    schedule.add_job("k", G, 1, 1.0, 0.0)
    instructions = schedule.drop_job("j", 1.0)
    assert Revoke(first) in instructions
    assert [a.job for a in assigned(instructions)] == ["k"]


def test_a_refused_tile_goes_elsewhere_and_the_worker_rests_a_moment() -> None:
    schedule = schedule_of("a", "b", slots=1)
    (first, _) = assigned(schedule.add_job("j", G, 2, 1.0, 0.0))
    assert assigned(schedule.refuse(first, "its mailbox is full", 0.0)) == []
    assert schedule.usable(G, 0.0) == ["a", "b"]
    assert [a.worker for a in assigned(schedule.tick(0.5))] == ["a"]


def test_a_retired_worker_finishes_what_it_has_and_gets_no_more() -> None:
    schedule = schedule_of("a", "b", slots=1)
    (first, _) = assigned(schedule.add_job("j", G, 3, 1.0, 0.0))
    schedule.retire_worker("a", 0.5)
    assert schedule.usable(G, 0.5) == ["b"]
    assert assigned(done(schedule, first, 1.0)) == []


def test_workers_of_another_group_never_touch_a_job() -> None:
    schedule = Schedule()
    schedule.add_worker("old", "4.9/other", 2, 1.0, 0.0)
    assert schedule.add_job("j", G, 2, 1.0, 0.0) == [Stranded("j")]


class ScheduleMachine(RuleBasedStateMachine):
    """A master in miniature: keeps every attempt it was told to send, and ends them in any way there is."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule()
        self.now = 0.0
        self.live: dict[int, Attempt] = {}
        self.granted: dict[tuple[str, int], int] = {}
        self.open: set[str] = set()
        self.committed: dict[str, set[int]] = {}
        self.totals: dict[str, int] = {}
        self.jobs = 0

    def carry_out(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case Assign(attempt):
                    assert attempt.worker in self.schedule.workers
                    self.live[attempt.number] = attempt
                case Revoke(attempt):
                    self.drop(attempt)
                case Finished(job):
                    assert self.committed[job] == set(range(self.totals[job]))
                    self.open.discard(job)
                case Hopeless(job):
                    self.open.discard(job)
                case _:
                    pass

    def drop(self, attempt: Attempt) -> None:
        self.live.pop(attempt.number, None)
        if self.granted.get((attempt.job, attempt.tile)) == attempt.number:
            del self.granted[attempt.job, attempt.tile]

    def pick(self, data: Any) -> Attempt:
        return self.live[data.draw(st.sampled_from(sorted(self.live)))]

    @rule(name=st.sampled_from("abcd"), group=st.sampled_from(["x", "y"]), slots=st.integers(1, 3))
    def worker_comes(self, name: str, group: str, slots: int) -> None:
        known = self.schedule.workers.get(name)
        self.carry_out(self.schedule.add_worker(name, known.group if known else group, slots, 1.0, self.now))

    @rule(name=st.sampled_from("abcd"))
    def worker_leaves(self, name: str) -> None:
        self.carry_out(self.schedule.retire_worker(name, self.now))

    @rule(name=st.sampled_from("abcd"))
    def worker_goes(self, name: str) -> None:
        self.carry_out(self.schedule.lose_worker(name, self.now))
        assert not [a for a in self.live.values() if a.worker == name]

    @precondition(lambda self: len(self.open) < 4)
    @rule(tiles=st.integers(1, 5), group=st.sampled_from(["x", "y"]))
    def job_comes(self, tiles: int, group: str) -> None:
        self.jobs += 1
        name = f"j{self.jobs}"
        self.open.add(name)
        self.totals[name], self.committed[name] = tiles, set()
        self.carry_out(self.schedule.add_job(name, group, tiles, 1.0, self.now))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def client_leaves(self, data: Any) -> None:
        job = data.draw(st.sampled_from(sorted(self.open)))
        self.open.discard(job)
        self.carry_out(self.schedule.drop_job(job, self.now))
        assert not [a for a in self.live.values() if a.job == job]

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def head_arrives(self, data: Any) -> None:
        attempt = self.pick(data)
        holder = self.granted.get((attempt.job, attempt.tile))
        assert self.schedule.grant(attempt) == (holder in (None, attempt.number))
        self.granted.setdefault((attempt.job, attempt.tile), attempt.number)

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def body_ends(self, data: Any) -> None:
        attempt = self.live[self.granted[data.draw(st.sampled_from(sorted(self.granted)))]]
        assert attempt.tile not in self.committed[attempt.job]
        self.committed[attempt.job].add(attempt.tile)
        self.drop(attempt)
        self.carry_out(self.schedule.commit(attempt, self.now))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), how=st.sampled_from(["refuse", "offend", "surplus"]))
    def attempt_fails(self, data: Any, how: str) -> None:
        attempt = self.pick(data)
        self.drop(attempt)
        match how:
            case "refuse":
                self.carry_out(self.schedule.refuse(attempt, "full", self.now))
            case "offend":
                self.carry_out(self.schedule.offend(attempt, "garbage", self.now))
            case _:
                self.carry_out(self.schedule.surplus(attempt, self.now))

    @rule(seconds=st.floats(0.01, 20.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.carry_out(self.schedule.tick(self.now))

    @invariant()
    def the_schedule_and_its_master_agree(self) -> None:
        known = {n: a for job in self.schedule.jobs.values() for tile in job.tiles for n, a in tile.attempts.items()}
        assert known == self.live
        assert set(self.schedule.jobs) == self.open
        held = {n: a for worker in self.schedule.workers.values() for n, a in worker.in_flight.items()}
        assert held == self.live

    @invariant()
    def no_tile_has_more_than_one_duplicate(self) -> None:
        for job in self.schedule.jobs.values():
            for tile in job.tiles:
                assert len(tile.attempts) <= 2
                assert len({a.worker for a in tile.attempts.values()}) == len(tile.attempts)

    @invariant()
    def no_free_worker_stands_beside_a_tile_it_could_take(self) -> None:
        for job in self.schedule.jobs.values():
            if next(job.unassigned(), None) is not None:
                assert not [w for w in self.schedule.workers.values() if w.group == job.group and w.free(self.now)]

    def teardown(self) -> None:
        """With one good worker for each group every job still finishes."""
        for group in "xy":
            self.carry_out(self.schedule.add_worker(f"good-{group}", group, 1, 1.0, self.now))
        while self.open:
            self.now += 1000.0
            self.carry_out(self.schedule.tick(self.now))
            for attempt in list(self.live.values()):
                if attempt.number in self.live and self.schedule.grant(attempt):
                    self.granted[attempt.job, attempt.tile] = attempt.number
                    self.committed[attempt.job].add(attempt.tile)
                    self.drop(attempt)
                    self.carry_out(self.schedule.commit(attempt, self.now))


ScheduleMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestScheduleMachine = ScheduleMachine.TestCase
