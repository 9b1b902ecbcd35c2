"""The messages a poller has received and not settled, and until when each stays hidden from others.

Plain data: times come in as arguments, in seconds of one monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.kit.queues.base import Message


class Held:
    """Messages by receipt: one that was received again is held twice, once with a stale receipt."""

    def __init__(self) -> None:
        self.bytes = 0
        self._messages: dict[str, tuple[Message, float]] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, messages: Iterable[Message], until: float) -> None:
        """Hold these, hidden until then."""
        for message in messages:
            self._messages[message.receipt] = (message, until)
            self.bytes += len(message.body)

    def drop(self, message: Message) -> None:
        """Let go of one."""
        if self._messages.pop(message.receipt, None) is not None:
            self.bytes -= len(message.body)

    def due(self, until: float) -> list[Message]:
        """Those that come out of hiding before `until`."""
        return [message for message, end in self._messages.values() if end < until]

    def extend(self, messages: Iterable[Message], until: float) -> None:
        """They were given more time; those let go meanwhile do not count."""
        for message in messages:
            if message.receipt in self._messages:
                self._messages[message.receipt] = (message, until)

    def all(self) -> list[Message]:
        """Every message held, oldest first."""
        return [message for message, _ in self._messages.values()]
