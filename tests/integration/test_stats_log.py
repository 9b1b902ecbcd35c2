"""The log in a folder and in a bucket: several processes write and merge it, one of them killed; and its reader."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from actors.kit.stores import open_store
from actors.kit.stores.base import Store
from actors.stats.log.merge import LogMerger
from actors.stats.log.pace import MergePace
from actors.stats.log.read import days, read_day
from actors.stats.log.records import LogRecord
from actors.stats.log.segments import CONTENT_TYPE, SEGMENTS, append, day_key, segment_key
from tests.support.processes import running

DAY = "1970-01-01"
WRITES = 30
WRITER = f"""
import asyncio, sys
from actors.kit.stores import open_store
from actors.stats.log.merge import LogMerger
from actors.stats.log.pace import MergePace
from actors.stats.log.records import LogRecord

async def main(url, name):
    store, stop = open_store(url), asyncio.Event()
    merger = LogMerger(store, pace=MergePace(gather=0.0, rest=0.0))
    merging = asyncio.create_task(merger.run(stop))
    for number in range({WRITES}):
        requests = [f"{{name}}-{{number}}-{{each}}" for each in range(3)]
        await merger.append([LogRecord(request, 1000 * number, "1", "{{}}") for request in requests])
        print(f"logged {{number}}.", flush=True)
    stop.set()
    await merging
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(params=["file", "versitygw"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that is empty."""
    if request.param == "file":
        return f"file:{tmp_path}/bucket"
    return str(request.getfixturevalue("versitygw").store_url(bucket=f"log-{uuid4().hex}"))


@pytest.fixture(autouse=True)
def tidy(url: str, no_leaks: None) -> None:
    """Nothing is left behind but the session's server."""


async def read(store: Store, day: str = DAY) -> list[str]:
    return [record.request async for record in read_day(store, day)]


def records(*requests: str) -> list[LogRecord]:
    return [LogRecord(request, 1000, "1 2", "{}") for request in requests]


async def test_processes_that_write_and_merge_one_day_lose_and_repeat_nothing_when_one_is_killed(url: str) -> None:
    async with AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(running("-c", WRITER, url, f"w{number}")) for number in range(3)]
        await writers[0].line(f"logged {WRITES // 2}.")
        writers[0].send(signal.SIGKILL)
        assert [await writer.ended() for writer in writers] == [-9, 0, 0], [writer.lines for writer in writers]
        last = sum("logged" in line for line in writers[0].lines)
    store = open_store(url)
    await LogMerger(store).run_once(patient=False)
    assert [entry.key async for entry in store.list(SEGMENTS)] == []
    found = await read(store)
    await store.close()
    assert len(found) == len(set(found))
    assert set(found) >= {f"w{w}-{n}-{e}" for w in range(3) for n in range(WRITES if w else last) for e in range(3)}


async def test_a_message_is_read_while_it_is_a_segment_and_when_it_was_merged(url: str) -> None:
    store = open_store(url)
    await append(store, records("b", "a"))
    assert (await read(store), await days(store)) == (["a", "b"], [DAY])
    report = await LogMerger(store).run_once(patient=False)
    assert (report.segments, report.records, report.waiting) == (1, 2, 0)
    assert (await read(store), await days(store)) == (["a", "b"], [DAY])
    await append(store, records("c", "a"))
    assert await read(store) == ["a", "b", "c"]
    await store.close()


async def test_the_log_of_a_full_day_is_read_whole_though_its_object_grows_no_more(url: str) -> None:
    store = open_store(url)
    merger = LogMerger(store, pace=MergePace(day=1))
    for request in ("a", "b", "c", "b"):
        await append(store, records(request))
        await merger.run_once(patient=False)
    assert (await store.get(day_key(DAY))).data.count(b"\n") == 1
    assert len([entry async for entry in store.list(SEGMENTS)]) == 1
    assert await read(store) == ["a", "b", "c"]
    await store.close()


async def test_a_damaged_line_is_told_and_hides_no_other(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(url)
    await append(store, records("a"))
    await store.put(segment_key(DAY, 0), b'{"request":"b"\n\xff\n', content_type=CONTENT_TYPE)
    assert await read(store) == ["a"]
    await LogMerger(store).run_once(patient=False)
    assert await read(store) == ["a"]
    assert capsys.readouterr().out.count("a line of the log is damaged") == 4
    await store.close()


async def test_a_stopped_merger_leaves_nothing_unmerged(url: str) -> None:
    store, stop = open_store(url), asyncio.Event()
    merger = LogMerger(store)
    merging = asyncio.create_task(merger.run(stop))
    await merger.append(records("a"))
    stop.set()
    await merging
    assert [entry.key async for entry in store.list()] == [day_key(DAY)]
    await store.close()
