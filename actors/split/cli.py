"""The `split` tool: pictures in, worked pictures out, through a master.

Results go to stdout (one line, or with --json one object, a picture), progress to stderr. Exit codes: 0 done, 1 a
pixel differed under --verify, 2 usage, 65 bad input, 70 internal failure, 75 no master, no workers or no time.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.split.outcome import Outcome
from runtime.exits import Exit, exit_code

if TYPE_CHECKING:
    from actors.kit.terminal.progress import Progress
    from actors.split.master import SplitMaster
    from actors.split.messages import JobEvent, SplitResult
    from config.tool import ToolContext
    from runtime import Node, Stream

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
LINK = "hub"
PATIENCE = 10.0


def parser() -> argparse.ArgumentParser:
    """The tool's own arguments; main's come before them."""
    made = argparse.ArgumentParser(
        prog="main.py --role split",
        description="Work pictures on the workers of a split master, bit for bit as one machine would.",
        epilog="Operators and their parameters: docs/operators.md. Main's options (--json, --data, …) go along.",
    )
    made.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a picture, or a folder of pictures")
    made.add_argument("-o", "--out", type=Path, required=True, help="a file; a folder for more than one picture")
    made.add_argument("--operator", default="canny", metavar="OP", help="pipeline to split (%(default)s)")
    made.add_argument("--then", default="", metavar="OP", help="pipeline the master applies to the merged picture")
    made.add_argument("--mode", choices=("auto", "always", "never"), default="auto", help="(%(default)s)")
    made.add_argument("--verify", action="store_true", help="recompute here and compare; exit 1 on any difference")
    made.add_argument("--link", metavar="ADDR", help="the master's address, for example tcp://farm.example:7100")
    made.add_argument("--timeout", type=float, default=300.0, metavar="S", help="seconds a picture (%(default)g)")
    return made


async def main(argv: Sequence[str], context: ToolContext) -> int:
    """Work the pictures one after the other; gives the exit code."""
    args = parser().parse_args(argv)
    if args.link:
        context = dataclasses.replace(context, links={LINK: args.link})
    if LINK not in context.links:
        return _usage(f"no link named {LINK}: give the master's address with --link")
    pairs = find_pictures(args.images, args.out)
    if isinstance(pairs, str):
        return _usage(pairs)
    async with context.node(name=f"split-{os.getpid()}") as node:
        try:
            async with asyncio.timeout(min(PATIENCE, args.timeout)):
                await node.wait_linked(LINK)
        except TimeoutError:
            hint = "start one with `main.py --role all`, or name another with --link"
            print(f"split: no master answers at {context.links[LINK]}; {hint}", file=sys.stderr)
            return Exit.TEMPORARY
        code: int = Exit.DONE
        for image, out in pairs:
            outcome = await _one(node, image, out, args)
            print(json.dumps(outcome.fields()) if context.json else outcome.sentence(), flush=True)
            code = max(code, outcome.code)
        return code


def find_pictures(images: Sequence[Path], out: Path) -> list[tuple[Path, Path]] | str:
    """Each picture with its output file; a sentence when that cannot be."""
    found: list[tuple[Path, Path]] = []
    for image in images:
        if image.is_dir():
            inside = sorted(path for path in image.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
            found += [(path, out / path.relative_to(image).with_suffix(".png")) for path in inside]
        elif image.is_file():
            found.append((image, out / f"{image.stem}.png"))
        else:
            return f"{image}: no such file or folder"
    if not found:
        return "there is no picture in " + ", ".join(str(image) for image in images)
    if len(found) == 1 and not images[0].is_dir() and not out.is_dir():
        return [(found[0][0], out if out.suffix else out.with_suffix(".png"))]
    if out.is_file():
        return f"{out} is a file; {len(found)} pictures need a folder"
    targets = [target for _, target in found]
    twice = next((target for target in targets if targets.count(target) > 1), None)
    return f"two pictures would both become {twice}" if twice is not None else found


async def _one(node: Node, image: Path, out: Path, args: argparse.Namespace) -> Outcome:
    """Work one picture and write it; every failure becomes an outcome."""
    from runtime.errors import BrumeError

    try:
        result, differing = await _work(node, image, args)
        await node.offload(_write, result.picture, out)
    except (BrumeError, OSError) as error:
        return Outcome(image=str(image), out=str(out), code=exit_code(error), error=error)
    height, width = result.picture.shape[:2]
    return Outcome(
        image=str(image), out=str(out), workers=result.workers, tiles=result.tiles, retries=result.retries,
        ms=result.ms, why=result.why, pixels=height * width, differing=differing,
        code=Exit.CHECK_FAILED if differing else Exit.DONE,
    )  # fmt: skip


async def _work(node: Node, image: Path, args: argparse.Namespace) -> tuple[SplitResult, int | None]:
    import numpy as np

    from actors.kit.terminal.progress import Progress
    from actors.split.master import SplitMaster
    from actors.split.messages import SplitRequest
    from runtime import deadline

    master = node.ref(SplitMaster, f"{LINK}/master")
    data = np.frombuffer(await node.offload(image.read_bytes), np.uint8)
    request = SplitRequest(
        operator=args.operator, then=args.then, mode=args.mode, job=uuid.uuid4().hex, image=image.name
    )  # fmt: skip
    with deadline(args.timeout), Progress(None, image.name) as progress:
        stream = await master.events(request.job)
        watching = asyncio.get_running_loop().create_task(_watch(stream, progress))
        try:
            result = await _patiently(master, request, data)
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            await stream.aclose()
    differing = await node.offload(differences, data, result, args) if args.verify else None
    return result, differing


async def _patiently(master: SplitMaster, request: Any, data: Any) -> SplitResult:
    """Ask again, while there is time, when the master is busy."""
    from actors.split.errors import Busy
    from runtime import remaining

    while True:
        try:
            return await master.split(request, data)
        except Busy as busy:
            pause = busy.retry_after or 1.0
            if (remaining() or 0.0) < pause:
                raise
            await asyncio.sleep(pause)


async def _watch(stream: Stream[JobEvent], progress: Progress) -> None:
    async for event in stream:
        if event.kind == "started":
            progress.expect(event.tiles)
        elif event.kind == "tile":
            progress.advance(1, event.worker or "")
        elif event.kind == "retry":
            progress.say(f"tile {event.tile} is sent again: {event.message}")


def differences(data: Any, result: SplitResult, args: argparse.Namespace) -> int:
    """How many pixels differ from the whole picture worked on this machine; all of them for another shape or
    dtype."""
    import numpy as np

    from actors.kit.imaging.intake import decode
    from actors.kit.imaging.pipeline import parse_pipeline

    expected = parse_pipeline(args.operator).apply(decode(data))
    if args.then:
        expected = parse_pipeline(args.then).apply(expected)
    height, width = expected.shape[:2]
    if (expected.shape, expected.dtype) != (result.picture.shape, result.picture.dtype):
        return int(height * width)
    unequal = expected != result.picture
    return int(np.count_nonzero(unequal if unequal.ndim == 2 else unequal.any(axis=2)))


def _write(picture: Any, out: Path) -> None:
    """Whole or not at all."""
    from actors.kit.imaging.intake import encode

    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    part.write_bytes(encode(picture, out.suffix))
    part.replace(out)


def _usage(message: str) -> int:
    print(f"split: {message}", file=sys.stderr)
    return Exit.USAGE
