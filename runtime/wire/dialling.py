"""Keeping a configured link up: dial, and dial again for ever."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from runtime.errors import BrumeError, Unauthorized
from runtime.wire import endpoints, handshake
from runtime.wire.identity import Identity, must_be_open
from runtime.wire.session import Session

if TYPE_CHECKING:
    from runtime.wire.links import Links

BACKOFF, BACKOFF_MAX = 0.05, 5.0  # seconds between attempts


class Dialler:
    """A configured link: where it leads, its session while it is up, and why it is down when it is."""

    def __init__(self, links: Links, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.session: Session | None = None
        self.refusal: Exception | None = None
        self._links = links

    async def keep_up(self, identity: Identity) -> None:
        """Dial for ever: soon after a loss, then with growing, jittered pauses."""
        log = self._links.log
        pause = BACKOFF
        while True:
            try:
                async with asyncio.timeout(handshake.SECONDS):
                    session = await self._dial(identity)
            except (OSError, EOFError, TimeoutError, BrumeError) as error:
                self._refused(error)
            else:
                pause, self.refusal = BACKOFF, None
                log.info("link up", link=self.name, peer=session.peer.name)
                reason = await session.lost
                log.info("link lost", link=self.name, peer=session.peer.name, reason=reason)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))
            pause = min(BACKOFF_MAX, pause * 2)

    def check_allowed(self) -> None:
        """Raises Unauthorized when the peer refused us for want of the right token or certificate."""
        if isinstance(self.refusal, Unauthorized):
            raise Unauthorized(str(self.refusal))

    def _refused(self, error: Exception) -> None:
        if str(error) != str(self.refusal):
            reason = str(error) or type(error).__name__
            self._links.log.warning("link down", link=self.name, address=self.address, reason=reason)
        self.refusal = error
        if isinstance(error, Unauthorized):
            self._links.wake(self.name)

    async def _dial(self, identity: Identity) -> Session:
        reader, writer = await endpoints.dial(self.address, identity.client_tls, self._links.serve_memory)
        try:
            peer = await handshake.dial(reader, writer, identity.on(writer, dialled=True))
            must_be_open(reader)
            session = Session(self._links, self.name, self.address, peer, dialled=True)
            session.connection.attach(writer)
        except BaseException:
            writer.transport.abort()
            raise
        self.session = session
        self._links.wake(self.name)
        return session
