"""Calls between actors: one file per contender, all behind the protocol of `contender.py`."""

from __future__ import annotations

import importlib

from bench.calls.contender import Contender

REFERENCE = "asyncio"
FILES = {
    REFERENCE: "plain:PlainAsyncio",
    "asyncio + uvloop": "uv:Uvloop",
    "blocking sockets": "blocking:Blocking",
    "xoscar": "xoscar_:Xoscar",
    "pykka": "pykka_:Pykka",
    "pyzmq": "pyzmq:Pyzmq",
    "brume": "ours:Brume",
}


def load(name: str) -> type[Contender]:
    """Import a contender by its name in the table; raises ImportError where its library is missing."""
    module, _, attribute = FILES[name].partition(":")
    found: type[Contender] = getattr(importlib.import_module(f"bench.calls.{module}"), attribute)
    return found
