"""A node in a process of its own, for tests that kill, stop or cut it off: dials a hub and hosts a gate."""

from __future__ import annotations

import asyncio
import sys

from runtime import Auth, Node
from tests.support.actors import Gate, GateOptions, Script, Tally

TOKEN = "0123456789abcdef" * 2


async def main(hub: str) -> None:
    """Keep the link up until killed."""
    async with Node("far", links={"hub": hub}, auth=Auth(tokens=[TOKEN])) as node:
        await node.spawn(Gate, GateOptions(script=Script()), concurrency=2)
        await node.spawn(Tally)
        await node.serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
