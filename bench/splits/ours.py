"""Brume: a master in this process, two worker processes over TCP, tiles and merge exactly as a request gets them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import threading
from typing import Any

import structlog
import uvloop
from numpy.typing import NDArray

from actors.kit.imaging.pipeline import parse_pipeline
from actors.split.decide import tiles_for
from actors.split.dispatch import Running
from actors.split.job import SplitJob
from actors.split.master import SplitMaster
from actors.split.worker import Worker, WorkerOptions
from bench.splits import contender
from runtime import Node, op

WORKERS = 2


class Master(SplitMaster):
    """The master, given a picture that is decoded already: everyone's time starts there."""

    @op
    async def work(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        """`mode=always` between decoding and the answer."""
        group, peers = self.working()
        job = SplitJob("bench", parse_pipeline(operator), picture, tiles_for(picture.shape[0], peers))
        await self.dispatch.run(Running(job, True, lambda _: None), group, 1.0)
        return await self.offload(job.finish)


class Brume(contender.Contender):
    """One node with a master, two with a worker each."""

    async def open(self, pixels: int) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        self._held = contextlib.AsyncExitStack()
        node = await self._held.enter_async_context(Node("master", listen=["tcp://127.0.0.1:0"]))
        self._master = await node.spawn(Master, name="master")
        command = [sys.executable, "-m", "bench.splits.ours", node.addresses[0]]
        self._processes = [_start([*command, f"worker-{index}"]) for index in range(WORKERS)]
        while True:
            status = await self._master.status()
            if sum(one.state == "working" for one in status.workers) == WORKERS:
                return
            await asyncio.sleep(0.05)

    async def run(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        return await self._master.work(operator, picture)

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    async def close(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()
        await self._held.aclose()


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE)


async def worker(address: str, name: str) -> None:
    """A node with one worker, until SIGTERM."""
    async with Node(name, links={"hub": address}, drain=1) as node:
        await node.spawn(Worker, WorkerOptions(master=node.ref(SplitMaster, "hub/master")), name="worker")
        await node.serve()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    uvloop.run(worker(*sys.argv[1:]))
