"""The system actor of a node, so that other nodes can see what it would show on its own ops port.

Child nodes bind no port: their parent asks them here, over the link they dialled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from runtime.actor import Actor, Options, op
from runtime.deadline import deadline
from runtime.errors import BrumeError
from runtime.node import Node
from runtime.ops import metrics
from runtime.statistics import NodeStatistics

NAME: Final = "node"
PATIENCE: Final = 1.0  # seconds a child has to answer before it is left out


class NodeOps(Actor[Options]):
    """Answers for its node; spawned under the name `node`."""

    concurrency = 4

    @op
    async def actors(self) -> NodeStatistics:
        """A snapshot of the node: its actors, links, children and memory."""
        return self.node.statistics()

    @op
    async def metrics(self) -> str:
        """The node's own metrics, as Prometheus text."""
        return metrics.render([self.node.statistics()]).decode()


async def family(node: Node) -> Sequence[NodeStatistics]:
    """Snapshots of the node and of its child nodes that answer within a second; the node's own comes first."""
    own = node.statistics()
    running = [child.name for child in own.children if child.state == "up"]
    answers = await asyncio.gather(*(_of_child(node, name) for name in running))
    return [own, *(answer for answer in answers if answer is not None)]


async def _of_child(node: Node, name: str) -> NodeStatistics | None:
    try:
        with deadline(PATIENCE):
            return await node.ref(NodeOps, f"{name}/{NAME}").actors()
    except BrumeError:
        return None
