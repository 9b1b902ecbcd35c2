"""What a tool is given by main: where to work, how to answer, whom it may link to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.auth import Auth
from runtime.node import Node


@dataclass(frozen=True)
class ToolContext:
    """The node file as a tool sees it. `json` asks for one JSON object a line on stdout.

    `auth` gives whom to trust on links; where need be it makes this machine's token, so only tools with links call it.
    """

    data: Path
    json: bool
    links: Mapping[str, str]
    auth: Callable[[], Auth]
    store: str | None
    queue: str | None

    def node(self, name: str = "tool") -> Node:
        """A node with these links that listens nowhere; start it with `async with`."""
        return Node(name, links=self.links, auth=self.auth())
