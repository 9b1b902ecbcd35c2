"""Reply and log line as a short script makes them: no validation, no exact mean. The peers share it."""

from __future__ import annotations

import json
from statistics import median


def reply(request: str, body: str) -> str:
    """The statistics of a request."""
    numbers = json.loads(body)["numbers"]
    return json.dumps({
        "request": request, "numbers": numbers, "count": len(numbers), "mean": sum(numbers) / len(numbers),
        "median": median(numbers), "max": max(numbers), "min": min(numbers),
    })  # fmt: skip


def line(request: str, sent_at: str, body: str, answer: str) -> bytes:
    """One line of the log."""
    return json.dumps({"request": request, "sent_at": sent_at, "body": body, "reply": answer}).encode() + b"\n"
