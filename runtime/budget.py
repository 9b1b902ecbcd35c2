"""Bytes reserved before they are allocated: one budget a node, and shares of it for each sender."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Budget:
    """`limit` bytes, given out in the order asked. A share (`parent`) also takes from its parent.

    A request larger than a share passes when the share is empty, so one large body is never stuck; a request
    larger than a whole root budget never passes (`can_ever`).
    """

    def __init__(self, limit: int, parent: Budget | None = None) -> None:
        self.limit = limit
        self.used = 0
        self._parent = parent
        self._waiting: deque[Request] = deque()

    def can_ever(self, size: int) -> bool:
        """Whether `size` bytes could be had with nothing else reserved."""
        return self._parent.can_ever(size) if self._parent else size <= self.limit

    def request(self, size: int, granted: Callable[[], None]) -> Request:
        """Call `granted` as soon as `size` bytes are reserved: now, or when others release theirs."""
        request = Request(self, size, granted)
        self._waiting.append(request)
        self._serve()
        return request

    def release(self, size: int) -> None:
        """Give `size` bytes back."""
        self.used -= size
        if self._parent is not None:
            self._parent.release(size)
        self._serve()

    def withdraw(self, request: Request, *, held: bool) -> None:
        """Forget a request that still waits: here, or with its bytes `held` here for the parent's grant."""
        if held:
            self.used -= request.size
        else:
            self._waiting.remove(request)
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._fits(self._waiting[0].size):
            request = self._waiting.popleft()
            self.used += request.size
            if self._parent is None:
                request.grant()
            else:
                request.inner = self._parent.request(request.size, request.grant)

    def _fits(self, size: int) -> bool:
        if self._parent is not None and self.used == 0:
            return True
        return self.used + size <= self.limit


class Request:
    """Bytes asked for; held from the grant until `release`. `cancel` works before and after the grant."""

    def __init__(self, budget: Budget, size: int, granted: Callable[[], None]) -> None:
        self.size = size
        self.inner: Request | None = None
        self._budget = budget
        self._granted: Callable[[], None] | None = granted
        self._state = "waiting"

    def grant(self) -> None:
        """The budget reserved the bytes."""
        self._state = "held"
        granted, self._granted = self._granted, None
        if granted is not None:
            granted()

    def release(self) -> None:
        """Give the bytes back, or stop waiting for them; twice is fine."""
        if self._state == "held":
            self._budget.release(self.size)
        elif self._state == "waiting":
            self._withdraw()
        self._state = "released"

    def _withdraw(self) -> None:
        if self.inner is not None:
            self.inner.release()
        self._budget.withdraw(self, held=self.inner is not None)
