"""`main.py --role stats-log`: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.kit.stores import open_store
from actors.kit.stores.base import Store
from actors.stats.log.merge import LogMerger
from actors.stats.log.records import LogRecord
from actors.stats.log.segments import append
from tests.support.processes import ROOT
from tests.support.servers.kinds import VersityGw

DAY_MS = 86_400_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """The embedded store of `--data tmp_path`."""
    client = open_store(f"file:{tmp_path}/bucket")
    yield client
    await client.close()


def logged(request: str, day: int = 0, body: str = "1 2") -> LogRecord:
    return LogRecord(request, day * DAY_MS + 1, body, json.dumps({"request": request}))


async def stats_log(data: Path, *argv: str, main: tuple[str, ...] = ()) -> tuple[int | None, str, str]:
    """Exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "main.py", "--role", "stats-log", "--data", str(data), *main, *argv,
        cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_the_log_is_printed_in_order_one_json_line_a_message(tmp_path: Path, store: Store) -> None:
    await append(store, [logged("b"), logged("c", day=2, body="é\n\x1b[2J")])
    await LogMerger(store).run_once(patient=False)
    await append(store, [logged("a"), logged("b")])
    code, out, err = await stats_log(tmp_path)
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"request": "a", "sent_at": "1970-01-01T00:00:00.001Z", "body": "1 2", "reply": {"request": "a"}},
        {"request": "b", "sent_at": "1970-01-01T00:00:00.001Z", "body": "1 2", "reply": {"request": "b"}},
        {"request": "c", "sent_at": "1970-01-03T00:00:00.001Z", "body": "é\n\x1b[2J", "reply": {"request": "c"}},
    ]
    assert "\x1b" not in out


async def test_reading_the_log_writes_nothing(tmp_path: Path) -> None:
    assert await stats_log(tmp_path / "nothing") == (0, "", "")
    assert os.listdir(tmp_path) == []


async def test_one_day_is_printed_alone_and_an_empty_one_is_empty(tmp_path: Path, store: Store) -> None:
    await append(store, [logged("a"), logged("b", day=1)])
    code, out, _ = await stats_log(tmp_path, "--day", "1970-01-02")
    assert (code, json.loads(out)["request"]) == (0, "b")
    assert await stats_log(tmp_path, "--day", "1970-01-05") == (0, "", "")


@pytest.mark.parametrize("day", ["today", "1970-1-2", "19700102", "1970-02-30", "../x"])
async def test_what_is_no_day_is_a_mistake_of_usage(tmp_path: Path, day: str) -> None:
    code, out, err = await stats_log(tmp_path, "--day", day)
    assert (code, out) == (2, "")
    assert err.endswith(f"argument --day: {day!r} is no day; write it as 2026-11-21\n")


async def test_a_reader_that_has_enough_ends_it_quietly(tmp_path: Path, store: Store) -> None:
    await append(store, [logged(f"r{number}", body="1 " * 500) for number in range(2000)])
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} main.py --role stats-log --data {tmp_path} | head -n 1",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert (json.loads(out)["request"], err) == ("r0", b"")


async def test_a_store_that_does_not_answer_is_a_temporary_failure(tmp_path: Path, aws_environment: None) -> None:
    nowhere = ("--set", "store=s3://brume?endpoint_url=http://127.0.0.1:9&region=us-east-1")
    code, out, err = await stats_log(tmp_path, main=nowhere)
    assert (code, out) == (75, "")
    assert err.startswith("stats-log: ")


async def test_a_bucket_that_is_not_there_is_a_mistake_of_configuration(tmp_path: Path, versitygw: VersityGw) -> None:
    missing = f"store=s3://missing?endpoint_url={versitygw.endpoint}&region={versitygw.region}"
    code, out, err = await stats_log(tmp_path, main=("--set", missing))
    assert (code, out) == (78, "")
    assert "missing" in err
