"""When to restart what failed, and when to give up: a pure decision over a failure history.

No clock and no randomness in here: both come in as arguments. Actors and child processes share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RestartPolicy:
    """At most `max_restarts` within `window` seconds; waits double from `backoff` to `backoff_max` seconds.

    `escalate` says who goes when that is passed: the actor alone, or the node with it.
    """

    max_restarts: int = 5
    window: float = 60.0
    backoff: float = 0.1
    backoff_max: float = 10.0
    escalate: Literal["actor", "node"] = "actor"


@dataclass(frozen=True)
class Restart:
    """Start again after `delay` seconds."""

    delay: float


@dataclass(frozen=True)
class GiveUp:
    """No more restarts; `failures` of them fell within the window."""

    failures: int
    escalate: Literal["actor", "node"]


def decide(policy: RestartPolicy, failures: Sequence[float], now: float, jitter: float) -> Restart | GiveUp:
    """What follows the failure at `now`, the last of `failures` (times in seconds, ascending).

    `jitter` in [0, 1) spreads the wait over its upper half, so peers that failed together do not return together.
    """
    recent = [when for when in failures if now - when < policy.window]
    if len(recent) > policy.max_restarts:
        return GiveUp(len(recent), policy.escalate)
    longest = min(policy.backoff_max, policy.backoff * 2 ** (len(recent) - 1))
    return Restart(longest * (0.5 + 0.5 * jitter))
