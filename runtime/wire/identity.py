"""Who this node is on a connection: its name, its tokens, its certificate, and what the peer's certificate says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from runtime.wire.handshake import Local

if TYPE_CHECKING:
    from runtime.node import Node


class Identity:
    """One side of every handshake of a node. `server_tls` and `client_tls` are None without TLS."""

    def __init__(self, node: Node) -> None:
        tls = node.auth.tls
        self.server_tls: ssl.SSLContext | None = tls.context(server=True) if tls else None
        self.client_tls: ssl.SSLContext | None = tls.context(server=False) if tls else None
        self._certificate = tls.certificate() if tls else b""
        self._node = node

    def on(self, writer: asyncio.StreamWriter, *, dialled: bool) -> Local:
        """This side of the handshake on that connection."""
        node = self._node
        tls = writer.get_extra_info("ssl_object")
        if tls is None:
            return Local(node.name, node.instance, node.auth.secrets())
        certificate = tls.getpeercert(binary_form=True) if dialled else self._certificate
        return Local(node.name, node.instance, node.auth.secrets(), certificate or b"", _names(tls.getpeercert()))


def must_be_open(reader: asyncio.StreamReader) -> None:
    """EOFError for a peer that hung up right after its handshake: the next protocol would not notice."""
    if reader.at_eof():
        raise EOFError("closed right after the handshake")


def _names(certificate: Mapping[str, Any] | None) -> frozenset[str]:
    """The names a verified certificate speaks for: its DNS alternatives and its common name."""
    if not certificate:
        return frozenset()
    alternatives = {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
    common = {value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"}
    return frozenset(alternatives | common)
