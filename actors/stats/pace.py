"""How many long polls run side by side: a pure decision over what the last one brought.

An empty or nearly empty receive costs a request for little, so calm queues get one poll; full receives say that more
is waiting than the polls fetch.
"""

from __future__ import annotations


class Pace:
    """`polls` long polls at the moment, from 1 to `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.polls = 1

    def brought(self, messages: int, limit: int) -> None:
        """A receive ended with so many of at most `limit` messages: one poll more when full, one less below half."""
        if messages >= limit:
            self.polls = min(self.most, self.polls + 1)
        elif messages * 2 < limit:
            self.polls = max(1, self.polls - 1)

    def failed(self) -> None:
        """A receive failed: one poll goes on asking, until receives are full again."""
        self.polls = 1
