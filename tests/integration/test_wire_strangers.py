"""Strangers on real sockets: refused within bounds, while a good peer goes on working."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from runtime import Auth, Node, Options, PeerLost, TlsFiles, Unauthorized, deadline
from runtime.wire.accepting import STRANGERS
from runtime.wire.frame import HEADER, Kind
from tests.support.actors import Parrot, Tally
from tests.support.certificates import Authority
from tests.support.leaks import checked_for_leaks, eventually, open_descriptors

TOKEN, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2


@asynccontextmanager
async def hub_and_good_peer(**options: Any) -> AsyncIterator[tuple[Node, Tally]]:
    """A listening node with a tally, and the tally's ref at a peer that is let in; afterwards nothing is left."""
    options.setdefault("auth", Auth(tokens=[TOKEN]))
    hub = Node("hub", listen=["tcp://127.0.0.1:0"], **options)
    async with checked_for_leaks(), hub:
        await hub.spawn(Tally)
        async with Node("good", links={"hub": hub.addresses[0]}, auth=Auth(tokens=[TOKEN])) as good:
            tally = good.ref(Tally, "hub/tally")
            assert await tally.add(1) == 1
            yield hub, tally
            assert await tally.add(1) == 2
            assert [link.peer for link in hub.statistics().links] == ["good"]


def port_of(node: Node) -> int:
    return int(node.addresses[0].rpartition(":")[2])


async def all_that_comes(reader: asyncio.StreamReader) -> bytes:
    """Everything until the other side hangs up."""
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""


async def say(node: Node, data: bytes) -> bytes:
    """Send a stranger's bytes to the listener; gives what it answers before it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(node))
    with suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
    answer = await all_that_comes(reader)
    writer.close()
    return answer


@asynccontextmanager
async def recorder(target: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A proxy before `target`: its address, and the bytes each side sent: [dialler's, listener's]."""
    sent = [b"", b""]
    pumps: list[asyncio.Task[None]] = []

    async def pump(side: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                while data := await reader.read(1 << 16):
                    sent[side] += data
                    writer.write(data)
        finally:
            writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        pumps.append(asyncio.create_task(pump(0, reader, far_writer)))
        pumps.append(asyncio.create_task(pump(1, far_reader, writer)))
        await asyncio.wait(pumps)

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", sent
    finally:
        server.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


@pytest.mark.parametrize(
    ("auth", "reason"),
    [
        pytest.param(Auth(), "has a token and .* has none", id="no token"),
        pytest.param(Auth(tokens=[OTHER]), "does not know the token", id="a wrong token"),
    ],
)
async def test_a_peer_without_the_token_is_refused_with_the_reason(auth: Auth, reason: str) -> None:
    async with hub_and_good_peer() as (hub, _), Node("bad", links={"hub": hub.addresses[0]}, auth=auth) as bad:
        with deadline(10), pytest.raises(Unauthorized, match=reason) as caught:
            await bad.ref(Tally, "hub/tally").add(1)
        assert caught.value.executed == "no"


async def test_a_listener_that_does_not_know_the_token_is_not_spoken_to() -> None:
    async with Node("false", listen=["tcp://127.0.0.1:0"], auth=Auth(tokens=[OTHER])) as false:
        await false.spawn(Tally)
        async with Node("edge", links={"hub": false.addresses[0]}, auth=Auth(tokens=[TOKEN])) as edge:
            with deadline(10), pytest.raises(Unauthorized):
                await edge.ref(Tally, "hub/tally").add(1)


async def test_the_token_never_crosses_the_wire() -> None:
    async with hub_and_good_peer() as (hub, _), recorder(port_of(hub)) as (address, sent):
        async with Node("edge", links={"hub": address}, auth=Auth(tokens=[TOKEN])) as edge:
            assert await edge.ref(Tally, "hub/tally").add(0) == 1
        assert all(sent)
        assert not any(TOKEN.encode() in side for side in sent)
        assert await eventually(lambda: len(hub.links.sessions()) == 1)


async def test_a_replayed_handshake_is_refused() -> None:
    async with hub_and_good_peer() as (hub, _):
        async with (
            recorder(port_of(hub)) as (address, sent),
            Node("edge", links={"hub": address}, auth=Auth(tokens=[TOKEN])) as edge,
        ):
            assert await edge.ref(Tally, "hub/tally").add(0) == 1
        assert await eventually(lambda: len(hub.links.sessions()) == 1)
        answer = await say(hub, sent[0])
        assert b"unauthorized" in answer


async def test_a_reflected_handshake_is_refused() -> None:
    async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(mirror, "127.0.0.1", 0)
    address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Node("edge", links={"hub": address}, auth=Auth(tokens=[TOKEN])) as edge:
        with deadline(10), pytest.raises(Unauthorized):
            await edge.ref(Tally, "hub/tally").add(1)
        assert [link.state for link in edge.statistics().links] == ["connecting"]
    server.close()


@pytest.mark.parametrize("length", [4097, 65535])
async def test_an_oversized_handshake_is_refused_unread(length: int) -> None:
    async with hub_and_good_peer() as (hub, _):
        assert await say(hub, length.to_bytes(2, "big") + bytes(length)) == b""


async def test_random_bytes_are_refused() -> None:
    draw = random.Random(1)
    async with hub_and_good_peer() as (hub, tally):
        for _ in range(100):
            await say(hub, draw.randbytes(draw.choice([1, 2, 10, 5000, 200_000])) + b"\xff" * 4096)
            assert await tally.add(0) == 1


async def test_an_oversized_frame_costs_its_sender_the_link_and_nobody_else() -> None:
    async with (
        hub_and_good_peer() as (hub, tally),
        Node("huge", links={"hub": hub.addresses[0]}, auth=Auth(tokens=[TOKEN])) as huge,
    ):
        assert await huge.ref(Tally, "hub/tally").add(0) == 1
        (session,) = huge.links.sessions()
        session.connection.send(HEADER.pack(Kind.ASK, 0, 99, 2**32 - 1, 2**64 - 1))
        await session.lost
        assert await tally.add(0) == 1
        await huge.stop()
        assert await eventually(lambda: len(hub.links.sessions()) == 1)


async def test_a_silent_connection_is_dropped_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.wire.handshake.SECONDS", 0.2)
    async with hub_and_good_peer() as (hub, _):
        assert await say(hub, b"") == b""
        assert await say(hub, b"\x00") == b""


async def test_a_silent_connection_to_a_tls_listener_is_dropped_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.wire.handshake.SECONDS", 0.2)
    async with tls_hub(Authority(tmp_path).issue("hub")) as hub:
        assert await say(hub, b"") == b""
        assert await say(hub, b"\x16\x03\x01") == b""


async def test_a_thousand_connections_are_bounded_and_a_good_peer_comes_and_works() -> None:
    async with hub_and_good_peer() as (hub, tally):
        crowd = []
        for _ in range(1000):
            crowd.append(await asyncio.open_connection("127.0.0.1", port_of(hub)))
        assert await tally.add(0) == 1
        async with Node("late", links={"hub": hub.addresses[0]}, auth=Auth(tokens=[TOKEN])) as late:
            assert await late.ref(Tally, "hub/tally").add(0) == 1
        ours = len(crowd)
        assert await eventually(lambda: len(list(open_descriptors())) < ours + STRANGERS + 40)
        for _, writer in crowd:
            writer.close()


async def test_two_tokens_are_accepted_while_rotating() -> None:
    async with Node("hub", listen=["tcp://127.0.0.1:0"], auth=Auth(tokens=[OTHER, TOKEN])) as hub:
        await hub.spawn(Tally)
        for name, tokens in (("old", [TOKEN]), ("new", [OTHER]), ("both", [TOKEN, OTHER])):
            async with Node(name, links={"hub": hub.addresses[0]}, auth=Auth(tokens=tokens)) as edge:
                with deadline(10):
                    assert await edge.ref(Tally, "hub/tally").add(0) == 0


def test_a_third_token_or_a_short_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 2 tokens, found 3"):
        Auth(tokens=[TOKEN, OTHER, TOKEN])
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Auth(tokens=["short"])


async def test_a_listener_beyond_the_loopback_needs_auth_or_the_word_insecure() -> None:
    with pytest.raises(ValueError, match="can be reached from other machines"):
        async with Node(listen=["tcp://0.0.0.0:0"]):
            pass
    async with Node(listen=["tcp://0.0.0.0:0"], auth=Auth(insecure=True)):
        pass


@asynccontextmanager
async def tls_hub(files: TlsFiles) -> AsyncIterator[Node]:
    async with Node("hub", listen=["tcp://127.0.0.1:0"], auth=Auth(tls=files)) as hub:
        await hub.spawn(Parrot, Options())
        yield hub


@pytest.mark.parametrize("stranger", ["another authority", "another name", "no certificate at all"])
async def test_mutual_tls_lets_in_only_the_name_its_certificate_says(stranger: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    auths = {
        "another authority": Auth(tls=Authority(tmp_path, "another one").issue("edge")),
        "another name": Auth(tls=authority.issue("somebody")),
        "no certificate at all": Auth(tokens=[TOKEN]),
    }
    async with tls_hub(authority.issue("hub")) as hub:
        async with Node("edge", links={"hub": hub.addresses[0]}, auth=auths[stranger], default_deadline=1) as edge:
            with pytest.raises(Unauthorized if stranger == "another name" else PeerLost):
                await edge.ref(Parrot, "hub/parrot").data(b"")
            assert hub.links.sessions() == []
        good = Auth(tls=authority.issue("edge"))
        async with Node("edge", links={"hub": hub.addresses[0]}, auth=good) as edge:
            assert await edge.ref(Parrot, "hub/parrot").data(b"in") == b"in"


async def test_a_listener_with_another_name_than_its_certificate_is_not_spoken_to(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        tls_hub(authority.issue("somebody")) as hub,
        Node("edge", links={"hub": hub.addresses[0]}, auth=Auth(tls=authority.issue("edge"))) as edge,
    ):
        with deadline(10), pytest.raises(Unauthorized, match="hub shows a certificate for somebody"):
            await edge.ref(Parrot, "hub/parrot").data(b"")
