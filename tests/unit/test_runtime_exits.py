"""The exit code an error of a tool stands for."""

from __future__ import annotations

import pytest

from actors.kit.queues.base import NoSuchQueue, QueueDenied, QueueUnavailable
from actors.split.errors import JobTaken
from actors.stats.errors import BadSeries
from runtime.errors import ActorStopped, NoSuchOp, PeerLost
from runtime.exits import Exit, exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadSeries("no numbers"), Exit.BAD_DATA),
        (JobTaken("twice"), Exit.BAD_DATA),
        (FileNotFoundError("photo.jpg"), Exit.BAD_DATA),
        (QueueUnavailable("away"), Exit.TEMPORARY),
        (PeerLost("gone", executed="unknown"), Exit.TEMPORARY),
        (ActorStopped("draining", executed="no"), Exit.TEMPORARY),
        (NoSuchQueue("lab3"), Exit.BAD_CONFIG),
        (QueueDenied("expired"), Exit.BAD_CONFIG),
        (NoSuchOp("typo", executed="no"), Exit.INTERNAL),
        (ZeroDivisionError(), Exit.INTERNAL),
    ],
)
def test_an_error_of_a_tool_has_one_exit_code(error: Exception, code: Exit) -> None:
    assert exit_code(error) is code
