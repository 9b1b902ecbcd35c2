"""One picture over two cores: one file per contender, all behind the protocol of `contender.py`."""

from __future__ import annotations

import importlib

from bench.splits.contender import Contender

REFERENCE = "cv2, 1 thread"
FILES = {
    REFERENCE: "whole:OneThread",
    "cv2, 2 threads": "whole:TwoThreads",
    "dask, 2 threads": "dask_:Dask",
    "pool, shared memory": "pool:Pool",
    "the seed's way": "seed:Seed",
    "brume": "ours:Brume",
}


def load(name: str) -> type[Contender]:
    """Import a contender by its name in the table; raises ImportError where its library is missing."""
    module, _, attribute = FILES[name].partition(":")
    found: type[Contender] = getattr(importlib.import_module(f"bench.splits.{module}"), attribute)
    return found
