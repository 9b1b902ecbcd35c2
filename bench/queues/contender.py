"""What a contender of the queue rows has to be: a process that answers, logs and deletes the requests of one queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

QUEUE_REGION, STORE_REGION = "elasticmq", "us-east-1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one contender works, alone: both servers' endpoints, its queues' names, its bucket, and a folder."""

    queues: str
    stores: str
    requests: str
    replies: str
    bucket: str
    folder: str


class Contender(Protocol):
    """One way to serve. A request is `{"numbers": […]}`; its reply is JSON whose `request` is the message's id.

    A request is deleted after its reply was sent and its line was written to the log. The process is stopped with
    SIGTERM.
    """

    log: ClassVar[str]  # the key of the log's one growing object; `{day}` is the UTC date
    pending: ClassVar[str]  # the prefix under which log lines wait to be merged into it; empty where none do

    def command(self, place: Place) -> list[str]:
        """The module to run as the main one, and its arguments."""
        ...
