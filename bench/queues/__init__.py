"""Messages through the statistics service: one file per contender, all behind the protocol of `contender.py`."""

from __future__ import annotations

import importlib

from bench.queues.contender import Contender

REFERENCE = "the seed's loop"
FILES = {
    REFERENCE: "seed:Seed",
    "aws-sqs-consumer": "consumer:Batches",
    "brume": "ours:Brume",
    "brume embedded": "ours:Embedded",
}


def load(name: str) -> type[Contender]:
    """Import a contender by its name in the table; raises ImportError where its library is missing."""
    module, _, attribute = FILES[name].partition(":")
    found: type[Contender] = getattr(importlib.import_module(f"bench.queues.{module}"), attribute)
    return found
