"""Snapshots of a node for people, metrics and parents: plain frozen data that travels as it is."""

from __future__ import annotations

from typing import Literal

import msgspec

ActorState = Literal["starting", "ready", "not ready", "restarting", "failed", "stopped"]
LinkState = Literal["up", "connecting", "down"]
NodeState = Literal["starting", "ready", "not ready", "draining"]
ChildState = Literal["starting", "up", "restarting", "failed", "stopped", "not installed"]


class Measurement(msgspec.Struct, frozen=True):
    """One number an actor shows about its own work, `brume_NAME` in the metrics; `words` say what it is and its unit.

    A counter only grows, and starts again at 0 with its actor.
    """

    name: str
    words: str
    value: float
    kind: Literal["gauge", "counter"] = "gauge"


class ActorStatistics(msgspec.Struct, frozen=True):
    """One actor. `mailbox_bytes` in bytes; `seconds` is the total time in handlers."""

    name: str
    type: str
    state: ActorState
    reason: str | None
    optional: bool
    mailbox: int
    mailbox_bytes: int
    busy: int
    handled: int
    failed: int
    dead_letters: int
    restarts: int
    seconds: float
    measurements: tuple[Measurement, ...] = ()


class LinkStatistics(msgspec.Struct, frozen=True):
    """One link, dialled or accepted. `peer` is the other node's name once it is known."""

    link: str
    peer: str | None
    peer_instance: str | None
    address: str
    state: LinkState
    reason: str | None
    bytes_in: int
    bytes_out: int
    in_flight: int


class ChildStatistics(msgspec.Struct, frozen=True):
    """One child process. `pid` is None while it does not run; `reason` says why it ended or cannot run."""

    name: str
    pid: int | None
    state: ChildState
    reason: str | None
    optional: bool
    restarts: int


class NodeStatistics(msgspec.Struct, frozen=True):
    """One node. `budget_used` and `budget_limit` are bytes of bodies in memory, `loop_lag` is in seconds."""

    name: str
    instance: str
    state: NodeState
    actors: tuple[ActorStatistics, ...]
    links: tuple[LinkStatistics, ...]
    budget_used: int
    budget_limit: int
    children: tuple[ChildStatistics, ...] = ()
    loop_lag: float = 0.0
