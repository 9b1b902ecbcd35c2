"""The reply queue as one of its clients sees it: whose each reply is, and a long poll that treats it accordingly.

Clients share the queue. A reply of ours is handed over and then deleted, so that dying in between costs nothing but
seeing it again. A foreign one is given back hidden for a moment, longer each time it is met, for its owner to come
first; nothing here is hidden for more than a few seconds.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from actors.kit.queues.base import Broker, Message, Settlement
from actors.kit.retry import pause_after
from actors.stats.messages import ErrorReply, Reply
from actors.stats.reply import client_of, read_reply

WAIT = 5.0  # seconds a poll waits; on SQS that is also how long it takes to leave
VISIBILITY = 10.0  # seconds until others see what a killed client had received
FIRST_HIDING, LONGEST_HIDING = 0.5, 4.0  # seconds a foreign reply is hidden, before jitter
MET = 10_000  # foreign messages whose meetings are counted


class Owner(Enum):
    """Whose a reply is."""

    OURS = auto()
    NOBODY = auto()
    SOMEBODY_ELSE = auto()


@dataclass(frozen=True)
class Arrival:
    """A message of the reply queue that was for us, or for nobody; `reply` is None where it is no reply."""

    message: Message
    reply: Reply | ErrorReply | None
    ours: bool


def owner_of(message: Message, reply: Reply | ErrorReply | None, client: str, mine: Container[str] = ()) -> Owner:
    """Whose the reply is: its attribute says so, else its body, else that it answers one of the requests `mine`."""
    named = client_of(message) or (reply.client if isinstance(reply, Reply) else None)
    if named == client or (reply is not None and reply.request in mine):
        return Owner.OURS
    return Owner.SOMEBODY_ELSE if named else Owner.NOBODY


class Inbox:
    """The replies to `client` on queue `name`. One that `shows` takes replies to nobody as well."""

    def __init__(
        self, broker: Broker, name: str, client: str, *, shows: bool = False, chance: random.Random | None = None
    ) -> None:
        self._broker = broker
        self._name = name
        self._client = client
        self._shows = shows
        self._chance = chance or random.Random()
        self._met: Counter[str] = Counter()  # sqlite does not count receives that are given back

    async def poll(
        self,
        take: Callable[[Arrival], None],
        *,
        wait: float = WAIT,
        mine: Container[str] = (),
        leave: asyncio.Event | None = None,
    ) -> None:
        """Receive once, waiting up to `wait` seconds; `take` is called with each arrival before it is deleted.

        The same arrival may come again. Not to be cancelled: set `leave` instead. Raises the queue's errors.
        """
        queue = await self._broker.queue(self._name)
        taken, foreign = [], []
        for message in await queue.receive(wait=wait, visibility=VISIBILITY, leave=leave):
            reply = read_reply(message.body)
            owner = owner_of(message, reply, self._client, mine)
            if owner is Owner.OURS or (owner is Owner.NOBODY and self._shows):
                take(Arrival(message, reply, owner is Owner.OURS))
                taken.append(Settlement(message))
            else:
                foreign.append(message)
        try:
            if taken:
                await queue.settle(taken)
        finally:
            for messages, seconds in self._hidings(foreign):
                await queue.release(messages, delay=seconds)

    def _hidings(self, foreign: Sequence[Message]) -> list[tuple[list[Message], float]]:
        """The foreign messages with how long to hide them: together those met equally often."""
        if len(self._met) > MET:
            self._met.clear()
        groups: dict[float, list[Message]] = {}
        for message in foreign:
            self._met[message.id] += 1
            times = max(self._met[message.id], message.receives)
            longest = pause_after(times, 1.0, first=FIRST_HIDING, longest=LONGEST_HIDING)
            groups.setdefault(longest, []).append(message)
        return [(messages, longest * self._chance.uniform(0.5, 1.0)) for longest, messages in groups.items()]
