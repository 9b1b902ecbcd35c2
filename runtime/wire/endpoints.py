"""Addresses to sockets: listen at, and dial, `tcp://host:port`, `unix:PATH` and `memory:NAME`."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from runtime.wire import handshake, memory
from runtime.wire.memory import Handler, Pair

BACKLOG = 1024


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of a `tcp://` address; ValueError for anything else."""
    parts = urlsplit(address)
    if parts.scheme != "tcp" or not parts.hostname or parts.port is None:
        raise ValueError(f"{address!r} is not an address; use tcp://host:port, unix:PATH or memory:NAME")
    return parts.hostname, parts.port


class Listener:
    """An open listener; `address` is where it really listens."""

    def __init__(self, address: str, close: Callable[[], None]) -> None:
        self.address = address
        self.close = close


async def listen(address: str, handler: Handler, tls: ssl.SSLContext | None) -> Listener:
    """Accept connections; OSError says which address is busy."""
    if address.startswith("memory:"):
        stop = memory.listen(address.removeprefix("memory:"), handler)
        return Listener(address, stop)
    if address.startswith("unix:"):
        return await _listen_unix(Path(address.removeprefix("unix:")), handler)
    host, port = host_and_port(address)
    try:
        server = await asyncio.start_server(
            handler, host, port, ssl=tls, ssl_handshake_timeout=handshake.SECONDS if tls else None, backlog=BACKLOG
        )
    except OSError as error:
        raise OSError(error.errno, f"cannot listen at {address}: {os.strerror(error.errno or 0)}") from error
    bound = server.sockets[0].getsockname()
    shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    return Listener(f"tcp://{shown}:{bound[1]}", server.close)


async def _listen_unix(path: Path, handler: Handler) -> Listener:
    _clear(path)
    server = await asyncio.start_unix_server(handler, path, backlog=BACKLOG)
    path.chmod(0o600)  # noqa: ASYNC240 - one system call

    def close_and_remove() -> None:
        server.close()
        path.unlink(missing_ok=True)

    return Listener(f"unix:{path}", close_and_remove)


def _clear(path: Path) -> None:
    """Remove a socket that a killed node left behind; OSError when somebody still listens."""
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise OSError(f"cannot listen at unix:{path}: another process does")


async def dial(address: str, tls: ssl.SSLContext | None, spawn: Callable[[Awaitable[None]], object]) -> Pair:
    """A connection to `address`; OSError when nobody answers there."""
    if address.startswith("memory:"):
        return await memory.dial(address.removeprefix("memory:"), spawn)
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"))
    host, port = host_and_port(address)
    return await asyncio.open_connection(host, port, ssl=tls, server_hostname=host if tls else None)
