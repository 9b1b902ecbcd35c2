"""What arrives on a reply queue as a line for people and as an object for --json."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from actors.stats.inbox import Arrival
from actors.stats.messages import ErrorReply, Reply
from actors.stats.series import shortened

LONGEST = 300  # characters of what somebody else wrote


def number(value: float) -> str:
    """A float as short as it stays itself: `2`, `2.5`, `1e+300`."""
    return repr(float(value)).removesuffix(".0")


def listed(numbers: Iterable[float]) -> str:
    """Numbers in a row."""
    return ", ".join(number(value) for value in numbers)


def line_of(arrival: Arrival) -> str:
    """One line, in which nothing moves a cursor."""
    reply = arrival.reply
    if isinstance(reply, Reply):
        names = (("mean", reply.mean), ("median", reply.median), ("max", reply.max), ("min", reply.min))
        said = f"{listed(reply.numbers)} → " + ", ".join(f"{name} {number(value)}" for name, value in names)
    elif isinstance(reply, ErrorReply):
        said = f"refused: {reply.error.message}"
    else:
        said = f"no reply of this service: {arrival.message.body}"
    return shortened(said if arrival.ours else f"to nobody: {said}", LONGEST)


def fields_of(arrival: Arrival) -> dict[str, Any]:
    """The reply as it was sent; a message that is none with its id and body."""
    if arrival.reply is None:
        return {"message": arrival.message.id, "body": arrival.message.body}
    fields: dict[str, Any] = msgspec.to_builtins(arrival.reply)
    return fields
