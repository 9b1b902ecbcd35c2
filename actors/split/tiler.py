"""The part of a worker that computes tiles, echoes probes and keeps results; it knows of no master."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from actors.kit.imaging.pipeline import parse_pipeline
from actors.split.exact import TileResult
from actors.split.plan import Strip
from runtime import Actor, Options, op


class TileTask(msgspec.Struct, frozen=True, kw_only=True):
    """One tile to compute: the pipeline in its canonical spelling, and which rows the strip that comes along
    holds."""

    job: str
    tile: int
    pipeline: str
    strip: Strip


class TileReply(msgspec.Struct, frozen=True, kw_only=True):
    """The tile's result (its pixels are the reply's first array) and the seconds it took to compute."""

    job: str
    tile: int
    seconds: float
    result: TileResult


class TilerOptions(Options):
    """`parallel` tiles are computed at once, each on one thread; finished pictures are written to the folder
    `results`."""

    parallel: int = Field(default=1, ge=1, le=256)
    results: Path | None = None


O = TypeVar("O", bound=TilerOptions)  # noqa: E741 - the one-letter names follow typing's own


class Tiler(Actor[O]):
    """Computes tiles on the executor; more asks than `parallel` wait here, so that the next strip is at hand
    already."""

    concurrency: ClassVar[int] = 64

    async def start(self) -> None:
        self._lanes = asyncio.Semaphore(self.options.parallel)

    @op
    async def tile(self, task: TileTask, strip: NDArray[Any]) -> TileReply:
        """The core rows of the strip and what the merge needs. Raises a Problem for a pipeline unknown here."""
        async with self._lanes:
            begun = time.perf_counter()
            result = await self.offload(_compute, task, strip)
        return TileReply(job=task.job, tile=task.tile, seconds=time.perf_counter() - begun, result=result)

    @op
    async def probe(self, payload: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The payload back: shows the round trip and the bandwidth of the link."""
        return payload

    @op
    async def deliver(self, job: str, image: str, picture: NDArray[Any]) -> str:
        """Write a finished picture to the results folder, whole or not at all; gives the file's name ("" without
        one)."""
        if self.options.results is None:
            return ""
        path = await self.offload(_keep, self.options.results, job, image, picture)
        self.log.info("result kept", job=job, file=path.name)
        return path.name


def _compute(task: TileTask, strip: NDArray[Any]) -> TileResult:
    from actors.split.exact import work

    return work(parse_pipeline(task.pipeline), strip, task.strip)


def _keep(folder: Path, job: str, image: str, picture: NDArray[Any]) -> Path:
    """Another machine chose the names: nothing but plain characters of the last part gets into a path."""
    from actors.kit.imaging.intake import encode_png

    stem = re.sub(r"[^\w.-]+", "_", Path(image).stem or job).lstrip(".") or "result"
    path = folder / f"{stem[:100]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as part:
        temporary = Path(part.name)
        try:
            part.write(encode_png(picture))
        except BaseException:
            temporary.unlink()
            raise
    return temporary.replace(path)
