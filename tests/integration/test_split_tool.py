"""The split tool against a master and workers: files in, files out, lines, objects and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.intake import decode
from actors.kit.imaging.pipeline import parse_pipeline
from actors.split import cli
from config.tool import ToolContext
from runtime import Auth
from tests.support.splitting import Farm, drawn, farm

pytestmark = pytest.mark.usefixtures("no_leaks", "quiet")


@pytest.fixture
def quiet() -> Iterator[None]:
    """Log lines stay away from stdout, as main has it."""
    with capture_logs():
        yield


def context(data: Path, address: str, *, as_json: bool = False) -> ToolContext:
    return ToolContext(data=data, json=as_json, links={"hub": address}, auth=Auth, store=None, queue=None)


async def tool(hub: Farm, data: Path, *argv: object, as_json: bool = False) -> int:
    return await cli.main([str(each) for each in argv], context(data, hub.address, as_json=as_json))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def write(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), drawn(160, 120, channels=3, seed=seed))
    return path


async def test_one_picture_is_worked_written_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image, out = write(tmp_path / "field.png"), tmp_path / "edges.png"
    async with farm(tiles=4) as hub:
        await hub.worker("worker-1")
        code = await tool(hub, tmp_path, image, "-o", out, "--mode", "always", "--verify")
    assert code == 0
    assert np.array_equal(decode(out.read_bytes()), parse_pipeline("canny").apply(decode(image.read_bytes())))
    assert capsys.readouterr().out.endswith(" · 0 of 19,200 pixels differ\n")


async def test_a_folder_becomes_a_folder_and_json_is_one_object_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "in" / "a.png", 1)
    write(tmp_path / "in" / "inner" / "b.jpg", 2)
    async with farm(tiles=3) as hub:
        await hub.worker("worker-1")
        argv = (tmp_path / "in", "-o", tmp_path / "out", "--operator", "gaussian", "--mode", "always", "--verify")
        assert await tool(hub, tmp_path, *argv, as_json=True) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line["out"]).relative_to(tmp_path / "out").as_posix() for line in lines] == ["a.png", "inner/b.png"]
    assert [{key: line[key] for key in ("workers", "tiles", "retries", "differing")} for line in lines] == [
        {"workers": 1, "tiles": 3, "retries": 0, "differing": 0}
    ] * 2
    assert files(tmp_path / "out") == ["a.png", "inner/b.png"]


async def test_a_differing_pixel_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "differences", lambda *_: 3)
    image = write(tmp_path / "field.png")
    async with farm() as hub:
        assert await tool(hub, tmp_path, image, "-o", tmp_path / "out.png", "--verify") == 1
    assert " · 3 of 19,200 pixels differ" in capsys.readouterr().out


async def test_bad_input_is_65_and_the_other_pictures_are_still_worked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_text("no picture")
    write(tmp_path / "in" / "b.png")
    async with farm() as hub:
        assert await tool(hub, tmp_path, tmp_path / "in", "-o", tmp_path / "out", as_json=True) == 65
    bad, good = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert bad["error"]["code"]
    assert good["image"].endswith("b.png")
    assert files(tmp_path / "out") == ["b.png"]


async def test_an_unknown_operator_is_65_with_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = write(tmp_path / "field.png")
    async with farm() as hub:
        assert await tool(hub, tmp_path, image, "-o", tmp_path / "out.png", "--operator", "gausian") == 65
    assert "gaussian" in capsys.readouterr().out


async def test_no_workers_in_time_is_75(tmp_path: Path) -> None:
    image = write(tmp_path / "field.png")
    async with farm() as hub:
        argv = (image, "-o", tmp_path / "out.png", "--mode", "always", "--timeout", "1")
        assert await tool(hub, tmp_path, *argv) == 75


async def test_no_master_is_75_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [str(write(tmp_path / "field.png")), "-o", str(tmp_path / "out.png"), "--timeout", "0.2"]
    assert await cli.main(argv, context(tmp_path, "tcp://127.0.0.1:9")) == 75
    assert "main.py --role all" in capsys.readouterr().err


async def test_a_missing_file_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [str(tmp_path / "gone.png"), "-o", str(tmp_path / "out.png")]
    assert await cli.main(argv, context(tmp_path, "tcp://127.0.0.1:9")) == 2
    assert "no such file or folder" in capsys.readouterr().err
