"""What the statistics service answers, on the reply queue and to asks: plain frozen data."""

from __future__ import annotations

import msgspec


class Reply(msgspec.Struct, frozen=True):
    """The statistics of one request; its fields, in this order, are the JSON of a reply.

    `request` is the request's message id, `client` who sent it, if they said so.
    """

    request: str
    client: str | None
    numbers: tuple[float, ...]
    count: int
    mean: float
    median: float
    max: float
    min: float


class ReplyError(msgspec.Struct, frozen=True):
    """Why a request has no statistics."""

    code: str
    message: str


class ErrorReply(msgspec.Struct, frozen=True):
    """The answer to a request that is no series of numbers."""

    request: str
    error: ReplyError


class StatsStatus(msgspec.Struct, frozen=True):
    """How the poller is doing. Ages in seconds; `waiting` and `hidden` are None until they were first counted.

    `held` messages are received and not yet settled, `poison` ones could not be answered, `stale` ones were settled
    elsewhere; `queue_age` is how long the last message received had waited.
    """

    requests: str
    replies: str
    polled: float | None
    pollers: int
    held: int
    answered: int
    poison: int
    stale: int
    failures: int
    waiting: int | None
    hidden: int | None
    queue_age: float
    trouble: str | None
