"""A peer that proved itself and then sends anything: it may lose its link, and nobody else loses anything."""

from __future__ import annotations

import asyncio
import random

import msgspec

from runtime import Options
from runtime.wire.frame import BULK, CARRIES_BODY, CHUNK, INLINE, STREAM, Kind, encode
from tests.support.actors import Parrot, Tally
from tests.support.nodes import edge, hub
from tests.support.simnet import Network
from tests.support.simulate import simulate

ACTORS = ("parrot", "tally", "edge", "nobody", "")
OPS = ("data", "array", "add", "totals", "fail", "start", "")


def any_frame(draw: random.Random, used: list[int]) -> bytes:
    """Frames that are well formed on the outside, of any kind, for any call, with heads that may fit or not."""
    if draw.random() < 0.97:
        return plausible_frame(draw, used)
    kind = draw.choice(list(Kind))
    identity = draw.choice([0, 1, 2, 3, 5, 2**32 - 1])
    meta = b"" if kind == Kind.DATA else any_head(draw)
    if kind in CARRIES_BODY:
        body = draw.randbytes(draw.choice([0, 8, 300, 60_000]))
        flags, size = draw.choice([(0, len(body)), (0, len(body)), (STREAM, len(body)), (BULK, 100_000), (BULK, 2**60)])
        return encode(kind, identity, meta, flags=flags, size=size) + (b"" if flags == BULK else body)
    if kind == Kind.DATA:
        return encode(kind, identity, size=300) + bytes(300)
    return encode(kind, identity, meta, size=draw.choice([0, 1, 64, 2**60]) if kind == Kind.MORE else 0)


def plausible_frame(draw: random.Random, used: list[int]) -> bytes:
    """What a peer in order might send, at the wrong moment; `used` are the numbers of its calls so far."""
    kind = draw.choice([Kind.ASK] * 3 + [Kind.TELL, Kind.DATA, Kind.CANCEL, Kind.GRANT, Kind.REFUSE, Kind.MORE])
    if kind not in (Kind.ASK, Kind.TELL):
        identity = draw.choice(used[-10:])
    else:
        identity = used[-1] + 2 if draw.random() < 0.98 else draw.choice(used)
        used.append(identity)
        size = draw.choice([8, 300, 70_000, 900_000])
        call, op = draw.choice([("parrot", "array"), ("parrot", "data"), ("tally", "add"), ("tally", "totals")])
        arguments = {"add": (1,), "totals": ()}.get(op, ((0, "|u1", (size,)),))
        meta = msgspec.msgpack.encode((call, op, 5.0, (), "trace", arguments))
        if op in ("add", "totals"):
            return encode(kind, identity, meta)
        if size > INLINE:
            return encode(kind, identity, meta, flags=BULK, size=size)
        return encode(kind, identity, meta, size=size) + bytes(size)
    if kind == Kind.DATA:
        size = draw.choice([1, 70_000, CHUNK])
        return encode(kind, identity, size=size) + bytes(size)
    return encode(kind, identity, size=draw.choice([1, 32, 64]) if kind == Kind.MORE else 0)


def any_head(draw: random.Random) -> bytes:
    array = (draw.choice([0, 1]), draw.choice(["|u1", "<f8", "|O"]), draw.choice([(8,), (300,), (70_000,), (2**40,)]))
    arguments = draw.choice([(), (1,), (array,), ("text",), (array, array), ((True, "tally"),)])
    call = (draw.choice(ACTORS), draw.choice(OPS), draw.choice([None, 1.0, -1.0]), ("a/b",), "trace", arguments)
    fault = (draw.choice(["Problem", "PeerLost", "none"]), "message")
    value = draw.choice([call, call, call, fault, array, ("tally", 1), ("tally", -1), ("tally", 2**63), (), 7])
    head = msgspec.msgpack.encode(value)
    return draw.choice([head, head, head, head[:-1], b"", draw.randbytes(20), b"\x91" * 5000])


@simulate(seeds=40)
async def test_any_frames_of_a_proven_peer_harm_nobody_else(network: Network) -> None:
    draw = network.loop.random
    async with hub(body_budget=1 << 20) as center, edge("good") as good, edge("bad") as bad:
        await center.spawn(Parrot, Options())
        await center.spawn(Tally)
        tally = good.ref(Tally, "hub/tally")
        for _ in range(5):
            await bad.wait_linked("hub")
            (session,) = bad.links.sessions()
            used = [1]
            for _ in range(draw.choice([3, 30, 100])):
                session.connection.send(any_frame(draw, used))
            await tally.add(1)
        await bad.stop()
        await asyncio.sleep(10)
        before = await tally.add(0)
        assert await tally.add(1) == before + 1
        assert await good.ref(Parrot, "hub/parrot").data(b"x" * 300_000) == b"x" * 300_000
        assert [link.peer for link in center.statistics().links] == ["good"]
        assert center.statistics().budget_used == 0
        assert {actor.state for actor in center.statistics().actors} == {"ready"}
