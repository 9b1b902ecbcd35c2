"""The runtime's pure parts: restart decisions, byte budgets, listener safety, error transport."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import Auth, OpFailed, Overloaded, Problem, RestartPolicy
from runtime.budget import Budget, Request
from runtime.errors import from_fault, to_fault
from runtime.supervisor import GiveUp, Restart, decide

POLICY = RestartPolicy(max_restarts=3, window=10, backoff=1, backoff_max=5)


def test_waits_double_up_to_the_longest() -> None:
    delays = [decide(POLICY, list(range(n)), n - 1, jitter=0.999999) for n in (1, 2, 3)]
    assert [round(d.delay) for d in delays if isinstance(d, Restart)] == [1, 2, 4]


@given(st.floats(0, 0.999), st.integers(1, 3))
def test_jitter_spreads_a_wait_over_its_upper_half(jitter: float, failures: int) -> None:
    decision = decide(POLICY, list(range(failures)), failures - 1, jitter)
    longest = min(5, 2 ** (failures - 1))
    assert isinstance(decision, Restart)
    assert longest / 2 <= decision.delay <= longest


def test_one_failure_too_many_within_the_window_gives_up() -> None:
    assert decide(POLICY, [0, 1, 2, 3], 3, 0) == GiveUp(4, "actor")


def test_failures_older_than_the_window_are_forgiven() -> None:
    assert isinstance(decide(POLICY, [0, 1, 2, 30], 30, 0), Restart)


def grant_order(limit: int, sizes: list[int], parent: Budget | None = None) -> tuple[Budget, list[int], list[Request]]:
    budget, granted = Budget(limit, parent), list[int]()
    requests = [budget.request(size, partial(granted.append, i)) for i, size in enumerate(sizes)]
    return budget, granted, requests


def test_a_budget_grants_in_the_order_asked() -> None:
    _, granted, requests = grant_order(10, [8, 5, 1])
    assert granted == [0]
    requests[0].release()
    assert granted == [0, 1, 2]


def test_a_share_lets_one_large_body_through_when_it_is_empty() -> None:
    _, granted, _ = grant_order(10, [50, 1], Budget(100))
    assert granted == [0]


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=20))
def test_a_budget_is_whole_again_when_every_request_is_released(steps: list[tuple[int, bool]]) -> None:
    root = Budget(40)
    shares = [Budget(20, root), Budget(10, root)]
    requests: list[Request] = []
    for size, first in steps:
        requests.append(shares[0 if first else 1].request(size, lambda: None))
        assert root.used <= root.limit
    for request in requests[::2] + requests[1::2]:
        request.release()
        request.release()
        assert root.used <= root.limit
    assert [root.used, shares[0].used, shares[1].used] == [0, 0, 0]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:0", "tcp://localhost:1", "tcp://[::1]:1", "unix:/x", "memory:x"])
def test_listening_on_this_machine_only_is_safe(address: str) -> None:
    assert Auth().refuses(address) is None


@pytest.mark.parametrize("address", ["tcp://0.0.0.0:1", "tcp://10.0.0.1:1", "tcp://farm.example:1", "tcp://[::]:1"])
def test_listening_elsewhere_without_auth_is_refused(address: str) -> None:
    assert "auth.token" in (Auth().refuses(address) or "")
    assert Auth(insecure=True).refuses(address) is None
    assert Auth(tokens=["x" * 32]).refuses(address) is None


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Auth(tokens=["short"])


class Bruised(Problem):
    code = "bruised"
    status = 422


def test_a_problem_crosses_as_its_own_class() -> None:
    back = from_fault(to_fault(Bruised("soft", hint="handle with care", retry_after=2)))
    assert isinstance(back, Bruised)
    assert (back.message, back.hint, back.retry_after) == ("soft", "handle with care", 2)


def test_an_ask_error_crosses_with_whether_it_was_executed() -> None:
    back = from_fault(to_fault(Overloaded("full", executed="unknown", retry_after=3)))
    assert isinstance(back, Overloaded)
    assert (back.executed, back.retry_after) == ("unknown", 3)


def test_an_unexpected_exception_crosses_as_op_failed() -> None:
    back = from_fault(to_fault(ZeroDivisionError("by zero")))
    assert isinstance(back, OpFailed)
    assert (str(back), back.kind) == ("by zero", "ZeroDivisionError")
