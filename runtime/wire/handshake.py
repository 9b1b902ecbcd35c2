"""Who is there: the lock-step handshake on a fresh connection, before anything else may be sent.

hello (dialler) → hello (listener) → proof (dialler) → proof (listener) → ready. Each message is a two-byte length
and msgpack, at most 4 KiB. A proof is an HMAC-SHA256 with the shared token over the whole transcript: direction,
both nonces, names, instances, versions and, under TLS, the listener's certificate. The token never crosses the
wire; a replay meets a new nonce, a reflection the other direction.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from runtime.errors import NameTaken, ProtocolError, Unauthorized
from runtime.wire.codec import UNREADABLE

WIRE_VERSION = 1
VERSIONS = tuple(v for v in (WIRE_VERSION - 1, WIRE_VERSION) if v > 0)
MAGIC = "brume"
HELLO_LIMIT = 4 << 10
NONCE = 32
NAME_LIMIT = 128
MAX_WINDOW = 1 << 16
SECONDS = 5.0  # for the whole handshake
WINDOW = 256  # messages a peer may have waiting at one actor


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """The first message of either side. `window` is how many messages each of its actors takes from the peer."""

    magic: str
    name: str
    instance: str
    versions: tuple[int, ...]
    nonce: bytes
    proves: bool
    window: int = WINDOW
    capabilities: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """A proof, or the reason for hanging up."""

    proof: bytes = b""
    refusal: Literal["", "unauthorized", "name taken", "version", "closing"] = ""
    message: str = ""


@dataclass(frozen=True)
class Local:
    """This side: its identity, its tokens in the clear, and the TLS certificate names it requires of the peer."""

    name: str
    instance: str
    tokens: Sequence[bytes] = ()
    certificate: bytes = b""  # DER of the listener's certificate, under TLS
    peer_names: frozenset[str] | None = None  # what the peer's certificate says, under TLS


@dataclass(frozen=True)
class Peer:
    """The other side, once accepted."""

    name: str
    instance: str
    version: int
    window: int


async def dial(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, local: Local) -> Peer:
    """The dialler's half. Raises Unauthorized, NameTaken, ProtocolError, or an EOF/OSError of the connection."""
    mine = _hello(local)
    await _send(writer, mine)
    theirs = await _receive_hello(reader)
    version = _agree(theirs)
    _bind_name(local, theirs)
    if theirs.proves != bool(local.tokens):
        raise Unauthorized(_mismatch(local, theirs))
    token = local.tokens[0] if local.tokens else b""
    await _send(writer, Verdict(_proof(token, "dialler", mine, theirs, local.certificate)))
    verdict = await _receive_verdict(reader)
    tokens = local.tokens or (b"",)
    if not any(_matches(verdict.proof, t, "listener", mine, theirs, local.certificate) for t in tokens):
        raise Unauthorized(f"{theirs.name} does not know our token")
    return Peer(theirs.name, theirs.instance, version, theirs.window)


class Admission:
    """What the listener asks its node before it says ready: may this peer come in?"""

    def refuse(self, name: str, instance: str) -> str | None:
        """The reason why not; None to let it in."""
        raise NotImplementedError


async def accept(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, local: Local, admission: Admission
) -> Peer:
    """The listener's half. A refused peer is told why before the error is raised."""
    theirs = await _receive_hello(reader)
    mine = _hello(local)
    await _send(writer, mine)
    try:
        version = _agree(theirs)
        _bind_name(local, theirs)
        if theirs.proves != bool(local.tokens):
            raise Unauthorized(_mismatch(local, theirs))
        token = await _proven(reader, local, theirs, mine)
        reason = admission.refuse(theirs.name, theirs.instance)
        if reason:
            raise NameTaken(reason)
    except (Unauthorized, NameTaken, ProtocolError) as error:
        await _send(writer, Verdict(refusal=_refusal(error), message=str(error)))
        raise
    await _send(writer, Verdict(_proof(token, "listener", theirs, mine, local.certificate)))
    return Peer(theirs.name, theirs.instance, version, theirs.window)


async def _proven(reader: asyncio.StreamReader, local: Local, dialler: Hello, listener: Hello) -> bytes:
    """The token the dialler proved to know."""
    verdict = await _receive_verdict(reader)
    for token in local.tokens or (b"",):
        if _matches(verdict.proof, token, "dialler", dialler, listener, local.certificate):
            return token
    raise Unauthorized(f"{dialler.name} does not know the token; give both nodes the same auth.token")


def _hello(local: Local) -> Hello:
    return Hello(MAGIC, local.name, local.instance, VERSIONS, secrets.token_bytes(NONCE), bool(local.tokens))


def _agree(theirs: Hello) -> int:
    common = set(VERSIONS) & set(theirs.versions)
    if not common:
        raise ProtocolError(f"{theirs.name} speaks wire versions {theirs.versions}, this node {VERSIONS}")
    return max(common)


def _bind_name(local: Local, theirs: Hello) -> None:
    if local.peer_names is not None and theirs.name not in local.peer_names:
        names = ", ".join(sorted(local.peer_names))
        raise Unauthorized(f"{theirs.name} shows a certificate for {names or 'nobody'}")


def _mismatch(local: Local, theirs: Hello) -> str:
    has, has_not = (local.name, theirs.name) if local.tokens else (theirs.name, local.name)
    return f"{has} has a token and {has_not} has none; give both nodes the same auth.token"


def _proof(token: bytes, direction: str, dialler: Hello, listener: Hello, certificate: bytes) -> bytes:
    transcript = msgspec.msgpack.encode((direction, dialler, listener, hashlib.sha256(certificate).digest()))
    return hmac.digest(token or b"no token", transcript, "sha256")


def _matches(proof: bytes, token: bytes, direction: str, dialler: Hello, listener: Hello, certificate: bytes) -> bool:
    return hmac.compare_digest(proof, _proof(token, direction, dialler, listener, certificate))


def _refusal(error: Exception) -> Literal["unauthorized", "name taken", "version"]:
    if isinstance(error, NameTaken):
        return "name taken"
    return "unauthorized" if isinstance(error, Unauthorized) else "version"


async def _send(writer: asyncio.StreamWriter, message: msgspec.Struct) -> None:
    data = msgspec.msgpack.encode(message)
    writer.write(len(data).to_bytes(2, "big") + data)
    await writer.drain()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    size = int.from_bytes(await reader.readexactly(2), "big")
    if size > HELLO_LIMIT:
        raise ProtocolError(f"a handshake message of {size} bytes; at most {HELLO_LIMIT} are taken")
    return await reader.readexactly(size)


async def _receive_hello(reader: asyncio.StreamReader) -> Hello:
    try:
        hello = msgspec.msgpack.decode(await _receive(reader), type=Hello)
    except UNREADABLE as error:
        raise ProtocolError(f"not a hello: {error}") from None
    if hello.magic != MAGIC or len(hello.nonce) != NONCE or not 0 < hello.window <= MAX_WINDOW:
        raise ProtocolError("not a hello of a Brume node")
    if not 0 < len(hello.name) <= NAME_LIMIT or "/" in hello.name or not hello.name.isprintable():
        raise ProtocolError("a node's name is 1 to 128 printable characters without a slash")
    return hello


async def _receive_verdict(reader: asyncio.StreamReader) -> Verdict:
    try:
        verdict = msgspec.msgpack.decode(await _receive(reader), type=Verdict)
    except UNREADABLE as error:
        raise ProtocolError(f"not a proof: {error}") from None
    if verdict.refusal == "name taken":
        raise NameTaken(verdict.message)
    if verdict.refusal == "unauthorized":
        raise Unauthorized(verdict.message)
    if verdict.refusal:
        raise ProtocolError(verdict.message)
    return verdict
