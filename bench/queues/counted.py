"""Runs a module as the main one and counts the HTTP requests it sends through botocore or aiobotocore, retries too.

`python -m bench.queues.counted FILE QUEUE-ENDPOINT MODULE ARG…`. FILE holds two numbers, requests to the queue's server
and to any other; whoever maps it sees them grow. One method for everyone, and next to nothing in time: a proxy in the
path would cost the slow ones least.
"""

from __future__ import annotations

import mmap
import runpy
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

NUMBERS = struct.Struct("=QQ")


class Counts:
    """The two numbers in a file of NUMBERS.size bytes, shared with whoever else maps it."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), NUMBERS.size)

    def read(self) -> tuple[int, int]:
        """Requests to queues, and to the store, so far."""
        queues, stores = NUMBERS.unpack_from(self._memory)
        return queues, stores

    def add(self, to_queues: bool) -> None:
        """One more."""
        queues, stores = self.read()
        NUMBERS.pack_into(self._memory, 0, queues + to_queues, stores + (not to_queues))


def count_requests(counts: Counts, queues: str) -> None:
    """From now on every request of this process is counted when it is sent."""

    def counting(send: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def counted(session: Any, request: Any) -> Any:
            counts.add(request.url.startswith(queues))
            return send(session, request)

        return counted

    with suppress(ImportError):
        from botocore.httpsession import URLLib3Session

        URLLib3Session.send = counting(URLLib3Session.send)
    with suppress(ImportError):
        from aiobotocore.httpsession import AIOHTTPSession

        AIOHTTPSession.send = counting(AIOHTTPSession.send)


if __name__ == "__main__":
    _, file, queues, module, *rest = sys.argv
    count_requests(Counts(Path(file)), queues)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
