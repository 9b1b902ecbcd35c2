"""Queues with visibility, in a SQLite file or on SQS: `open_broker(url)`."""

from __future__ import annotations

from actors.kit.queues.base import Broker


def open_broker(url: str) -> Broker:
    """The broker of a node file's `queue`: `sqlite:PATH`, or `sqs://?endpoint_url=…&region=…&create=true`.

    Connects on first use. Raises ValueError for another URL, ImportError where an extra is missing.
    """
    if url.startswith("sqlite:"):
        from actors.kit.queues.sqlite import SqliteBroker

        return SqliteBroker.of(url)
    if url.startswith("sqs:"):
        from actors.kit.queues.sqs import SqsBroker

        return SqsBroker.of(url)
    raise ValueError(f"{url!r} is no queue: sqlite:PATH or sqs://?endpoint_url=…&region=…")
