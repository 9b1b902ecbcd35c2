"""Letting peers in: strangers prove themselves in time and in bounded numbers, and a name has one live holder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runtime.errors import NameTaken, ProtocolError, Unauthorized
from runtime.wire import handshake
from runtime.wire.identity import Identity
from runtime.wire.session import Session

if TYPE_CHECKING:
    from runtime.wire.links import Links

STRANGERS = 64  # connections that may be unproven at once; one more and the oldest goes


class Acceptor:
    """What a node's listeners hand their connections to."""

    def __init__(self, links: Links, identity: Identity) -> None:
        self._links = links
        self._identity = identity
        self._strangers: dict[asyncio.StreamWriter, None] = {}

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A stranger's connection: prove itself in time, or be gone. Whatever happens, its socket is looked after."""
        self._make_room()
        self._strangers[writer] = None
        session: Session | None = None
        door = Door(self._links)
        try:
            async with asyncio.timeout(handshake.SECONDS):
                peer = await handshake.accept(reader, writer, self._identity.on(writer, dialled=False), door)
            session = Session(self._links, peer.name, _peer_address(writer), peer, dialled=False)
            self._links.welcome(session)
            session.connection.attach(writer)
        except (Unauthorized, NameTaken, ProtocolError) as error:
            self._links.log.warning("peer refused", peer=_peer_address(writer), reason=str(error))
        except (OSError, EOFError, TimeoutError) as error:
            self._links.log.debug("connection gave up", peer=_peer_address(writer), reason=type(error).__name__)
        finally:
            self._strangers.pop(writer, None)
            door.close()
            if session is None:
                writer.close()

    def _make_room(self) -> None:
        while len(self._strangers) >= STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.transport.abort()

    def close(self) -> None:
        """Hang up on everybody who has not proved itself yet."""
        for writer in list(self._strangers):
            writer.transport.abort()


class Door(handshake.Admission):
    """One connection's admission: the name stays reserved until the door is closed, session or not."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._name: str | None = None

    def refuse(self, name: str, instance: str) -> str | None:
        """Hold the name for a peer, or say who has it; the same instance may replace its own dead connection."""
        if self._links.holder(name) not in (None, instance):
            here = self._links.node.name
            return f"another node named {name!r} is linked to {here}; give this one another node.name"
        self._name = name
        self._links.admitting[name] = instance
        return None

    def close(self) -> None:
        """The connection became a session, or will never be one."""
        if self._name is not None:
            self._links.admitting.pop(self._name, None)


def _peer_address(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return f"tcp://{name[0]}:{name[1]}" if isinstance(name, tuple) else "local"
