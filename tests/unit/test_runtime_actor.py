"""Promises of actors on one node: turns, deadlines, cancellation, failures."""

import asyncio

import pytest

from runtime import (
    Actor,
    ActorFailed,
    ActorStopped,
    DeadlineExceeded,
    MailboxPolicy,
    Node,
    OpFailed,
    Options,
    Overloaded,
    Problem,
    Ref,
    RestartPolicy,
    WouldDeadlock,
    current_trace,
    deadline,
    op,
    remaining,
    trace,
)
from tests.support.actors import Tally, TallyOptions


class Unripe(Problem):
    code = "unripe"
    status = 422


class Gate(Actor[Options]):
    """Handlers that end when the test says so."""

    async def start(self) -> None:
        self.entered: list[str] = []
        self.cancelled: list[str] = []
        self.opened = asyncio.Event()

    @op
    async def hold(self, name: str) -> str:
        self.entered.append(name)
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return name

    @op
    async def stubborn(self) -> str:
        self.entered.append("stubborn")
        while not self.opened.is_set():
            try:
                await self.opened.wait()
            except asyncio.CancelledError:
                self.cancelled.append("stubborn")
        return "done"

    @op
    async def broken(self) -> None:
        raise KeyError("pip")

    @op
    async def refuse(self) -> None:
        raise Unripe("not ripe", hint="wait a week")

    @op
    async def inherited(self) -> tuple[float | None, str | None]:
        return remaining(), current_trace()

    @op
    async def through(self, other: Ref["Gate"]) -> tuple[float | None, str | None]:
        return await other.inherited()

    @op
    async def ring(self, other: Ref["Gate"], back: Ref["Gate"]) -> None:
        await other.call_back(back)

    @op
    async def call_back(self, back: Ref["Gate"]) -> None:
        await back.inherited()


def inside(node: Node, name: str) -> Gate:
    instance = node.cells[name].instance
    assert isinstance(instance, Gate)
    return instance


async def settle() -> None:
    """Let every ready task run until all of them wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_an_ask_gives_the_handlers_value() -> None:
    async with Node() as node:
        tally = await node.spawn(Tally, TallyOptions(start=40))
        assert await tally.add(2) == 42


async def test_a_tell_is_handled_before_the_ask_behind_it() -> None:
    async with Node() as node:
        tally = await node.spawn(Tally)
        await tally.add.tell(1)
        assert await tally.add(0) == 1


async def test_a_stream_carries_what_is_published_after_subscribing() -> None:
    async with Node() as node:
        tally = await node.spawn(Tally)
        totals = await tally.totals()
        await tally.add(1)
        await tally.add(1)
        assert [await anext(totals), await anext(totals)] == [1, 2]


async def test_an_actor_handles_one_message_at_a_time() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        asks = [asyncio.create_task(gate.hold(name)) for name in ("first", "second")]
        await settle()
        assert inside(node, "gate").entered == ["first"]
        inside(node, "gate").opened.set()
        assert await asyncio.gather(*asks) == ["first", "second"]


async def test_concurrency_lets_that_many_handlers_interleave() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate, concurrency=2)
        asks = [asyncio.create_task(gate.hold(name)) for name in ("1", "2", "3")]
        await settle()
        assert inside(node, "gate").entered == ["1", "2"]
        inside(node, "gate").opened.set()
        await asyncio.gather(*asks)


async def test_a_problem_reaches_the_asker_as_itself() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        with pytest.raises(Unripe) as caught:
            await gate.refuse()
        assert caught.value.hint == "wait a week"


async def test_an_unexpected_exception_reaches_the_asker_as_op_failed() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        with pytest.raises(OpFailed) as caught:
            await gate.broken()
        assert (caught.value.kind, caught.value.executed) == ("KeyError", "yes")
        assert isinstance(caught.value.__cause__, KeyError)


async def test_expired_work_is_dropped_unexecuted() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        first = asyncio.create_task(gate.hold("first"))
        await settle()
        with deadline(0.01), pytest.raises(DeadlineExceeded) as caught:
            await gate.hold("second")
        assert caught.value.executed == "no"
        inside(node, "gate").opened.set()
        await first
        await gate.inherited()
        assert inside(node, "gate").entered == ["first"]


async def test_an_expired_ask_cancels_its_handler() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        with deadline(0.01), pytest.raises(DeadlineExceeded) as caught:
            await gate.hold("late")
        assert caught.value.executed == "unknown"
        await gate.inherited()
        assert inside(node, "gate").cancelled == ["late"]


async def test_a_cancelled_ask_cancels_its_handler() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        ask = asyncio.create_task(gate.hold("left"))
        await settle()
        ask.cancel()
        await gate.inherited()
        assert inside(node, "gate").cancelled == ["left"]
        assert ask.cancelled()


async def test_a_slot_stays_taken_until_its_handler_has_really_ended() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        ask = asyncio.create_task(gate.stubborn())
        await settle()
        ask.cancel()
        behind = asyncio.create_task(gate.inherited())
        await settle()
        assert inside(node, "gate").cancelled == ["stubborn"]
        assert not behind.done()
        inside(node, "gate").opened.set()
        await behind


async def test_nested_asks_inherit_what_remains_of_the_deadline_and_the_trace() -> None:
    async with Node(default_deadline=1000) as node:
        outer, inner = await node.spawn(Gate, name="outer"), await node.spawn(Gate, name="inner")
        with deadline(5), trace("t-1"):
            left, seen = await outer.through(inner)
        assert left is not None
        assert left <= 5
        assert seen == "t-1"


async def test_deadline_only_shortens_inside_another() -> None:
    async with Node():
        with deadline(1), deadline(100):
            left = remaining()
        assert left is not None
        assert left <= 1


async def test_every_ask_has_a_deadline() -> None:
    async with Node(default_deadline=0.01) as node:
        gate = await node.spawn(Gate)
        with pytest.raises(DeadlineExceeded):
            await gate.hold("forever")


async def test_an_ask_into_its_own_call_chain_fails_at_once() -> None:
    async with Node() as node:
        one, two = await node.spawn(Gate, name="one"), await node.spawn(Gate, name="two")
        with pytest.raises(WouldDeadlock):
            await one.ring(two, one)


async def test_a_ref_reaches_ops_only() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        with pytest.raises(AttributeError, match="has no op 'entered'"):
            _ = gate.entered


async def test_refs_to_the_same_actor_are_equal_and_show_its_address() -> None:
    async with Node() as node:
        gate = await node.spawn(Gate)
        assert node.ref(Gate, "gate") == gate
        assert str(gate) == "gate"
        assert isinstance(gate, Gate)


async def test_start_errors_are_the_spawners() -> None:
    class Unable(Actor[Options]):
        async def start(self) -> None:
            raise Unripe("no")

    async with Node() as node:
        with pytest.raises(Unripe):
            await node.spawn(Unable)
        assert node.cells == {}


# -- full mailboxes

ONE = MailboxPolicy(messages=1)


async def fill(node: Node, policy: MailboxPolicy) -> tuple[Gate, list[asyncio.Task[str]]]:
    """A gate with one message running and one waiting."""
    gate = await node.spawn(Gate, mailbox=policy)
    asks = []
    for name in ("running", "waiting"):
        asks.append(asyncio.create_task(gate.hold(name)))
        await settle()
    return gate, asks


async def test_a_full_mailbox_makes_the_asker_wait_within_its_deadline() -> None:
    async with Node() as node:
        gate, asks = await fill(node, ONE)
        with deadline(0.01), pytest.raises(DeadlineExceeded):
            await gate.hold("third")
        inside(node, "gate").opened.set()
        assert await gate.hold("fourth") == "fourth"
        await asyncio.gather(*asks)


async def test_a_full_mailbox_rejects_under_its_policy() -> None:
    async with Node() as node:
        gate, asks = await fill(node, MailboxPolicy(messages=1, full="reject"))
        with pytest.raises(Overloaded) as caught:
            await gate.hold("third")
        assert caught.value.executed == "no"
        inside(node, "gate").opened.set()
        await asyncio.gather(*asks)


async def test_a_full_mailbox_drops_its_oldest_under_its_policy() -> None:
    async with Node() as node:
        gate, asks = await fill(node, MailboxPolicy(messages=1, full="drop_oldest"))
        newest = asyncio.create_task(gate.hold("third"))
        await settle()
        with pytest.raises(Overloaded):
            await asks[1]
        inside(node, "gate").opened.set()
        assert await newest == "third"
        await asks[0]


async def test_a_tell_waits_for_room_at_most_the_nodes_default() -> None:
    async with Node(default_deadline=0.05, drain=0.05) as node:
        gate = await node.spawn(Gate, mailbox=ONE)
        await gate.hold.tell("running")
        await settle()
        await gate.hold.tell("waiting")
        with pytest.raises(Overloaded):
            await gate.hold.tell("too many")


async def test_bytes_bound_a_mailbox_too() -> None:
    class Bin(Gate):
        @op
        async def drop(self, data: bytes) -> int:
            return len(data)

    async with Node() as node:
        bin_ = await node.spawn(Bin, mailbox=MailboxPolicy(bytes=100, full="reject"))
        held = asyncio.create_task(bin_.hold("x"))
        await settle()
        big = asyncio.create_task(bin_.drop(b"x" * 1000))
        await settle()
        with pytest.raises(Overloaded):
            await bin_.drop(b"y")
        inside(node, "bin").opened.set()
        assert await big == 1000
        await held


# -- failure


class Fragile(Actor[Options]):
    lives = 0

    async def start(self) -> None:
        Fragile.lives += 1

    @op
    async def fail(self) -> None:
        raise RuntimeError("fell")

    @op
    async def which_life(self) -> int:
        return Fragile.lives


QUICK = RestartPolicy(max_restarts=2, backoff=0.001, backoff_max=0.001)


async def test_a_failing_tell_restarts_the_actor_and_the_mailbox_survives() -> None:
    Fragile.lives = 0
    async with Node() as node:
        fragile = await node.spawn(Fragile, restart=QUICK)
        await fragile.fail.tell()
        assert await fragile.which_life() == 2
        statistics = node.statistics().actors[0]
        assert (statistics.dead_letters, statistics.restarts) == (1, 1)


async def test_a_failing_ask_does_not_restart_the_actor() -> None:
    Fragile.lives = 0
    async with Node() as node:
        fragile = await node.spawn(Fragile, restart=QUICK)
        with pytest.raises(OpFailed):
            await fragile.fail()
        assert await fragile.which_life() == 1


async def test_too_many_failures_fail_the_actor_and_its_readiness() -> None:
    async with Node() as node:
        fragile = await node.spawn(Fragile, restart=QUICK)
        for _ in range(3):
            await fragile.fail.tell()
        with pytest.raises(ActorFailed):
            await fragile.which_life()
        assert "gave up after 3 failures" in node.readiness()["fragile"]


async def test_escalation_takes_the_node_down_with_exit_code_70() -> None:
    async with Node() as node:
        policy = RestartPolicy(max_restarts=0, escalate="node")
        fragile = await node.spawn(Fragile, restart=policy)
        await fragile.fail.tell()
        assert await node.serve() == 70


async def test_a_failing_run_is_the_supervisors() -> None:
    again = asyncio.Event()

    class Looper(Actor[Options]):
        runs = 0

        async def run(self) -> None:
            Looper.runs += 1
            if Looper.runs == 1:
                raise RuntimeError("once")
            again.set()

    async with Node() as node:
        await node.spawn(Looper, restart=QUICK)
        await again.wait()
        assert node.statistics().actors[0].restarts == 1


async def test_an_actor_restarted_while_idle_counts_nobody_busy_and_drains_at_once() -> None:
    again = asyncio.Event()

    class Looper(Actor[Options]):
        runs = 0

        async def run(self) -> None:
            Looper.runs += 1
            if Looper.runs == 1:
                await settle()  # the pump waits for a message by now
                raise RuntimeError("once")
            again.set()

    async with Node() as node:
        await node.spawn(Looper, restart=QUICK)
        await again.wait()
        await settle()
        assert node.statistics().actors[0].busy == 0
        await asyncio.wait_for(node.cells["looper"].drained(), 1)


# -- the end


async def test_accepted_work_finishes_within_the_drain_time() -> None:
    async with Node(drain=5) as node:
        gate = await node.spawn(Gate)
        asks = [asyncio.create_task(gate.hold(name)) for name in ("1", "2")]
        await settle()
        stopping = asyncio.create_task(node.stop())
        await settle()
        with pytest.raises(ActorStopped):
            await gate.hold("late")
        inside(node, "gate").opened.set()
        assert await asyncio.gather(*asks) == ["1", "2"]
        await stopping


async def test_work_that_outlasts_the_drain_ends_in_actor_stopped() -> None:
    async with Node(drain=0.01) as node:
        gate = await node.spawn(Gate)
        asks = [asyncio.create_task(gate.hold(name)) for name in ("running", "waiting")]
        await settle()
        await node.stop()
        running, waiting = await asyncio.gather(*asks, return_exceptions=True)
        assert isinstance(running, ActorStopped)
        assert running.executed == "unknown"
        assert isinstance(waiting, ActorStopped)
        assert waiting.executed == "no"


async def test_actors_stop_in_reverse_order() -> None:
    stopped: list[str] = []

    class Part(Actor[Options]):
        async def stop(self) -> None:
            stopped.append(self.name)

    async with Node() as node:
        for name in ("first", "second"):
            await node.spawn(Part, name=name)
    assert stopped == ["second", "first"]


async def test_a_node_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with Node() as node:
        gate = await node.spawn(Gate)
        await gate.inherited()
    assert asyncio.all_tasks() == before
