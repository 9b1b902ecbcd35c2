"""A master and workers for tests of the split: good workers, and workers that go wrong in one way each.

As a program (`python -m tests.support.splitting KIND ADDRESS NAME`) it is one worker process.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.split.master import MasterOptions, SplitMaster
from actors.split.messages import SplitRequest, SplitResult
from actors.split.tiler import TileReply, TileTask
from actors.split.worker import Worker, WorkerOptions
from runtime import Auth, Node, op
from tests.support.leaks import eventually
from tests.support.processes import PATIENCE

LOOPBACK = "tcp://127.0.0.1:0"
HEARTBEAT = 0.5  # a frozen worker is noticed within three of these


class HoldingWorker(Worker):
    """Takes tiles and never answers."""

    @op
    async def tile(self, task: TileTask, strip: NDArray[Any]) -> TileReply:
        print(f"holding tile {task.tile}", flush=True)  # noqa: T201 - a test waits for this line
        await asyncio.get_running_loop().create_future()
        raise AssertionError


class LyingWorker(Worker):
    """Answers with what cannot be the tile, as `lie` says."""

    lie = "shape"

    @op
    async def tile(self, task: TileTask, strip: NDArray[Any]) -> TileReply:
        honest: TileReply = await Worker.tile.function(self, task, strip)
        pixels = honest.result.pixels
        match self.lie:
            case "shape":
                return _with_pixels(honest, np.zeros((pixels.shape[0] + 1, *pixels.shape[1:]), pixels.dtype))
            case "dtype":
                return _with_pixels(honest, np.zeros(pixels.shape, np.float64))
            case "tile":
                return msgspec.structs.replace(honest, tile=task.tile + 1)
            case "job":
                return msgspec.structs.replace(honest, job="another")
            case _:
                raise ZeroDivisionError("a worker with a bug")


class OddWorker(Worker):
    """Computes some operator differently, by its digest."""

    async def start(self) -> None:
        await super().start()
        self._card = msgspec.structs.replace(self._card, digest="odd" * 20)


KINDS: dict[str, type[Worker]] = {"good": Worker, "holding": HoldingWorker, "odd": OddWorker}


def _with_pixels(reply: TileReply, pixels: NDArray[Any]) -> TileReply:
    return msgspec.structs.replace(reply, result=msgspec.structs.replace(reply.result, pixels=pixels))


def liar(lie: str) -> type[Worker]:
    """A LyingWorker of one kind."""
    return type(f"Lying{lie.title()}", (LyingWorker,), {"lie": lie})


class Farm:
    """A master node, listening, and the worker nodes of this process."""

    def __init__(self, hub: Node, master: SplitMaster, stack: AsyncExitStack) -> None:
        self.hub = hub
        self.master = master
        self._stack = stack

    @property
    def address(self) -> str:
        """Where the master listens."""
        return self.hub.addresses[0]

    async def worker(self, name: str, kind: type[Worker] = Worker, **options: Any) -> Node:
        """A node of its own with one worker, over TCP; returns when the master works with it or has it wait."""
        node = Node(name, links={"hub": self.address}, heartbeat=HEARTBEAT)
        await self._stack.enter_async_context(node)
        await node.spawn(kind, WorkerOptions(master=node.ref(SplitMaster, "hub/master"), **options), name="worker")
        await self.registered(name)
        return node

    async def registered(self, *names: str) -> None:
        """Wait until these workers' links are measured."""
        assert await eventually(lambda: self._known(set(names)), PATIENCE), f"never registered: {names}"

    async def gone(self, name: str) -> None:
        """Wait until the master knows no such worker."""
        assert await eventually(lambda: self._unknown(name), PATIENCE), f"still there: {name}"

    async def _known(self, names: set[str]) -> bool:
        return names <= {worker.name for worker in (await self.master.status()).workers if worker.bandwidth}

    async def _unknown(self, name: str) -> bool:
        return name not in {worker.name for worker in (await self.master.status()).workers}

    async def split(self, picture: NDArray[Any], operator: str, mode: Any = "always", **fields: Any) -> SplitResult:
        """Ask the master for the picture."""
        return await self.split_file(encoded(picture), operator, mode, **fields)

    async def split_file(
        self, data: NDArray[np.uint8], operator: str, mode: Any = "always", **fields: Any
    ) -> SplitResult:
        """Ask the master for an encoded picture."""
        return await self.master.split(SplitRequest(operator=operator, mode=mode, **fields), data)


@asynccontextmanager
async def farm(listen: str = LOOPBACK, *, insecure: bool = False, **options: Any) -> AsyncIterator[Farm]:
    """A master that duplicates no tile unless `patience` says so."""
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(_hub(listen, insecure))
        master = await hub.spawn(SplitMaster, MasterOptions(**{"patience": 1e6, **options}), name="master")
        yield Farm(hub, master, stack)


def _hub(listen: str, insecure: bool) -> Node:
    return Node("hub", listen=[listen], auth=Auth(insecure=insecure), heartbeat=HEARTBEAT)


def encoded(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """The picture as a PNG file's bytes."""
    from actors.kit.imaging.cv import cv2

    done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return np.asarray(data, np.uint8).reshape(-1)


def drawn(height: int, width: int, channels: int = 1, seed: int = 0) -> NDArray[np.uint8]:
    """A picture with edges, slopes and noise, so that every operator has something to get wrong at a seam."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = 90 + 60 * np.sin(x / 17 + y / 29) + 50 * np.sign(np.sin(x / 41) * np.cos(y / 37))
    noise = random.normal(0, 12, (height, width, channels))
    picture: NDArray[np.uint8] = (waves[..., None] + noise).clip(0, 255).astype(np.uint8)
    return picture[..., 0] if channels == 1 else picture


async def _worker_process(kind: str, address: str, name: str) -> int:
    async with Node(name, links={"hub": address}, heartbeat=HEARTBEAT) as node:
        await node.spawn(KINDS[kind], WorkerOptions(master=node.ref(SplitMaster, "hub/master")), name="worker")
        return await node.serve()


if __name__ == "__main__":
    sys.exit(asyncio.run(_worker_process(*sys.argv[1:])))
