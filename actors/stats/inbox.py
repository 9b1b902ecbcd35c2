"""The reply queue as one of its clients sees it: whose each reply is, and a long poll that treats it accordingly.

Clients share the queue. A reply of ours is handed over and then deleted, so that dying in between costs nothing but
seeing it again. A foreign one is given back: a fresh one at once, and we stand back, as its owner is likely to wait
for it; an older one hidden for a moment that grows with its age, as nobody may ever come for it, and it must not be
met again and again. Nothing is hidden for more than a few seconds.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from actors.kit.queues.base import Broker, Message, Queue, Settlement
from actors.kit.retry import rest
from actors.stats.messages import ErrorReply, Reply
from actors.stats.reply import client_of, read_reply

WAIT = 5.0  # seconds a poll waits; on SQS that is also how long it takes to leave
VISIBILITY = 10.0  # seconds until others see what a killed client had received
FRESH = 3.0  # seconds a foreign reply is given back at once
LONGEST_HIDING = 4.0  # seconds a foreign reply is hidden, before jitter
LEFT_BEHIND = 86_400.0  # seconds after which a foreign reply is nobody's, as its client has gone
STAND_BACK = 0.3  # seconds until the next poll after one that brought fresh foreign replies only, before jitter


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


def owner_of(
    message: Message, reply: Reply | ErrorReply | None, client: str, mine: Container[str] = (), age: float = 0.0
) -> Owner:
    """Whose the reply is: its attribute says so, else its body, else that it answers one of the requests `mine`.

    `age` is in seconds: one that its client has left behind for a day is nobody's.
    """
    named = client_of(message) or (reply.client if isinstance(reply, Reply) else None)
    if named == client or (reply is not None and reply.request in mine):
        return Owner.OURS
    return Owner.SOMEBODY_ELSE if named and age < LEFT_BEHIND else Owner.NOBODY


def hiding(age: float, jitter: float) -> float:
    """Seconds to hide a foreign reply sent `age` seconds ago; clocks differ, so that an age may be negative.

    `jitter` in [0, 1) spreads it over its upper half.
    """
    return 0.0 if abs(age) < FRESH else min(LONGEST_HIDING, abs(age) / 10) * (0.5 + 0.5 * jitter)


class Inbox:
    """The replies to `client` on queue `name`. One that `shows` takes replies to nobody as well."""

    def __init__(
        self,
        broker: Broker,
        name: str,
        client: str,
        *,
        shows: bool = False,
        chance: random.Random | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._broker = broker
        self._name = name
        self._client = client
        self._shows = shows
        self._chance = chance or random.Random()
        self._wall = wall

    async def poll(
        self,
        take: Callable[[Arrival], None],
        *,
        leave: asyncio.Event,
        wait: float = WAIT,
        mine: Container[str] = (),
    ) -> None:
        """Receive once, waiting up to `wait` seconds; `take` is called with each arrival before it is deleted.

        The same arrival may come again. Not to be cancelled: set `leave` instead. Raises the queue's errors.
        """
        queue = await self._broker.queue(self._name)
        taken, foreign = [], []
        for message in await queue.receive(wait=wait, visibility=VISIBILITY, leave=leave):
            reply = read_reply(message.body)
            owner = owner_of(message, reply, self._client, mine, self._age(message))
            if owner is Owner.OURS or (owner is Owner.NOBODY and self._shows):
                take(Arrival(message, reply, owner is Owner.OURS))
                taken.append(Settlement(message))
            else:
                foreign.append(message)
        try:
            if taken:
                await queue.settle(taken)
        finally:
            fresh = await self._give_back(queue, foreign)
        if fresh and not taken:
            await rest(STAND_BACK * self._chance.uniform(0.5, 1.0), leave)

    async def _give_back(self, queue: Queue, foreign: Sequence[Message]) -> bool:
        """Whether there was a fresh one among them."""
        jitter = self._chance.random()
        groups: dict[float, list[Message]] = {}
        for message in foreign:
            seconds = round(hiding(self._age(message), jitter), 1)  # so that one call hides many
            groups.setdefault(seconds, []).append(message)
        for seconds, messages in groups.items():
            await queue.release(messages, delay=seconds)
        return 0.0 in groups

    def _age(self, message: Message) -> float:
        return self._wall() - message.sent_at / 1000
