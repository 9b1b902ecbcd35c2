"""The demo: a drawn 12-megapixel picture through three worker processes, one of them killed, every pixel compared.

Results go to stdout (lines, or one object with --json), progress to stderr. Exit codes: 0 no pixel differs, 1 some
do or nothing had to be sent again, 70 the processes did not come up, 75 the job failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from actors.split.demo_stage import Stage
    from actors.split.messages import SplitResult
    from config.tool import ToolContext

OPERATOR = "gray|bilateral:d=9|canny:low=20,high=60"
TILES = 24
KILL_AFTER = 5  # tiles: the job is well under way, and every worker holds some
ATTEMPTS = 3
PATIENCE = 300.0


@dataclass(frozen=True)
class Outcome:
    """What happened: the worker killed, tiles sent again, pixels that differ of all, and the files written."""

    killed: str
    retries: int
    differing: int
    pixels: int
    workers: int
    tiles: int
    split_ms: float
    files: tuple[str, ...]

    def sentence(self) -> str:
        """The line of the demo."""
        sent = "1 tile" if self.retries == 1 else f"{self.retries} tiles"
        return f"{self.killed} killed · {sent} re-sent · {self.differing:,} of {self.pixels:,} pixels differ"


def parser() -> argparse.ArgumentParser:
    """The demo's own arguments."""
    made = argparse.ArgumentParser(prog="main.py --role demo", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--out", type=Path, default=Path("demo-out"), metavar="DIR", help="(%(default)s)")
    made.add_argument("--operator", default=OPERATOR, metavar="OP", help="pipeline to split (%(default)s)")
    made.add_argument("--seed", type=int, default=7, metavar="N", help="another seed, another picture (%(default)s)")
    return made


async def main(argv: Sequence[str], context: ToolContext) -> int:
    """Run the demo; gives the exit code."""
    args = parser().parse_args(argv)
    from actors.split.demo_stage import Stage, StageError
    from runtime.errors import BrumeError
    from runtime.exits import Exit

    try:
        async with Stage([f"actors.master.options.tiles={TILES}"]) as stage:
            _say("starting a master and 3 worker processes, drawing a picture meanwhile")
            encoded, _ = await asyncio.gather(asyncio.to_thread(_draw, args.seed, args.out), stage.ready())
            result, killed = await _split(stage, encoded, args.operator)
            _say("computing the same on this machine alone, to compare")
            outcome = await asyncio.to_thread(_judge, args, encoded, result, killed)
    except StageError as error:
        print(f"demo: {error}", file=sys.stderr)
        return Exit.INTERNAL
    except BrumeError as error:
        print(f"demo: the job failed: {error}", file=sys.stderr)
        return Exit.TEMPORARY
    print(json.dumps(asdict(outcome)) if context.json else _report(outcome, args), flush=True)
    return Exit.CHECK_FAILED if outcome.differing or not outcome.retries else Exit.DONE


def _say(words: str) -> None:
    print(f"demo: {words}", file=sys.stderr, flush=True)


def _draw(seed: int, out: Path) -> bytes:
    """The picture as a JPEG file, kept as `picture.jpg`; the split and the comparison both decode this file."""
    from actors.kit.imaging.cv import cv2
    from actors.split.demo_picture import draw

    begun = time.perf_counter()
    picture = draw(seed)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
    out.mkdir(parents=True, exist_ok=True)
    (out / "picture.jpg").write_bytes(encoded.tobytes())
    height, width = picture.shape[:2]
    took = time.perf_counter() - begun
    _say(f"drew {width} x {height} pixels from seed {seed} in {took:.1f} s: {len(encoded) / 1e6:.1f} MB as a JPEG")
    return encoded.tobytes()


async def _split(stage: Stage, encoded: bytes, operator: str) -> tuple[SplitResult, str]:
    """The result, and the worker killed. Tried again in the rare case that the victim held no tile when it died."""
    for attempt in range(1, ATTEMPTS + 1):
        result, killed = await _attempt(stage, encoded, operator, attempt)
        if result.retries:
            break
        _say(f"{killed} held no tile when it was killed; once more")
        await stage.ready()
    return result, killed


async def _attempt(stage: Stage, encoded: bytes, operator: str, attempt: int) -> tuple[SplitResult, str]:
    import numpy as np

    from actors.kit.terminal.progress import Progress
    from actors.split.messages import SplitRequest
    from runtime import deadline

    request = SplitRequest(operator=operator, mode="always", job=f"demo-{attempt}", image="picture.jpg")
    pids = await stage.pids()
    with deadline(PATIENCE):
        events = await stage.master.events(request.job)
        working = asyncio.create_task(stage.master.split(request, np.frombuffer(encoded, np.uint8)))
    killed, done = "", 0
    try:
        with Progress(TILES, "tiles") as progress:
            async for event in events:
                if event.kind == "tile":
                    done += 1
                    progress.advance(1, event.worker or "")
                if done == KILL_AFTER and not killed:
                    killed = _victim(pids, event.worker)
                    stage.kill(pids[killed])
                    _say(f"kill -9 {killed} (process {pids[killed]})")
        return await working, killed
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


def _victim(pids: dict[str, int], busy_elsewhere: str | None) -> str:
    """worker-2, unless it has just handed in a tile and might hold none."""
    names = sorted(name for name in pids if name.startswith("worker") and name != busy_elsewhere)
    return "worker-2" if "worker-2" in names else names[0]


def _judge(args: argparse.Namespace, encoded: bytes, result: SplitResult, killed: str) -> Outcome:
    """Compare with the whole picture on one machine, and write the files. CPU work."""
    import numpy as np

    from actors.kit.imaging.intake import decode, encode_png
    from actors.kit.imaging.pipeline import parse_pipeline

    picture = decode(encoded)
    whole = parse_pipeline(args.operator).apply(picture)
    pixels = whole.shape[0] * whole.shape[1]
    differing = pixels
    if whole.shape == result.picture.shape:
        unequal = whole != result.picture
        differing = int(np.count_nonzero(unequal if unequal.ndim == 2 else unequal.any(axis=2)))
    edges, compared = args.out / "result.png", args.out / "before-after.png"
    edges.write_bytes(encode_png(result.picture))
    compared.write_bytes(encode_png(_before_after(picture, result.picture)))
    return Outcome(
        killed=killed, retries=result.retries, differing=differing, pixels=pixels,
        workers=result.workers, tiles=result.tiles, split_ms=round(result.ms, 1),
        files=(str(args.out / "picture.jpg"), str(edges), str(compared)),
    )  # fmt: skip


def _before_after(before: NDArray[Any], after: NDArray[Any], width: int = 1600) -> NDArray[Any]:
    """One small picture: `before` on the left, `after` on the right, a white line between, (h, w, 3) uint8."""
    import numpy as np

    from actors.kit.imaging.cv import cv2

    size = (width, width * before.shape[0] // before.shape[1])
    sides = []
    for side in (before, cv2.dilate(after, np.ones((3, 3), np.uint8))):  # an edge is one pixel wide: it would fade
        small = cv2.resize(side, size, interpolation=cv2.INTER_AREA)
        sides.append(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR) if small.ndim == 2 else small)
    middle = width // 2
    joined = np.concatenate((sides[0][:, :middle], sides[1][:, middle:]), axis=1)
    joined[:, middle - 2 : middle + 2] = 255
    return joined


def _report(outcome: Outcome, args: argparse.Namespace) -> str:
    return "\n".join(
        (
            f"{outcome.workers} workers computed {args.operator} in {outcome.tiles} strips over TCP "
            f"in {outcome.split_ms / 1000:.1f} s",
            outcome.sentence(),
            f"wrote {', '.join(outcome.files)}",
            "",
            "go on: `make site` starts the same with a web page; beside it, on a picture of your own,",
            f"  .venv/bin/python main.py --role split {outcome.files[0]} -o edges.png --operator 'gray|canny' --verify",
        )
    )
