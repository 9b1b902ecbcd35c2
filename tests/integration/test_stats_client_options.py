"""The client without a person: --numbers, --file, pipes, --json, --timeout, and every exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from actors.kit.queues.base import Draft, Settlement
from actors.kit.queues.sqlite import SqliteBroker
from actors.stats.reply import answer
from tests.support.leaks import eventually
from tests.support.processes import PATIENCE, ROOT

pytestmark = pytest.mark.usefixtures("no_leaks")


class Ended(NamedTuple):
    """How a run ended, and what it said."""

    code: int
    out: list[str]
    err: str

    @property
    def objects(self) -> list[Any]:
        """Standard output as one JSON object a line."""
        return [json.loads(line) for line in self.out]


async def start(data: Path, *argv: str) -> asyncio.subprocess.Process:
    main = (str(ROOT / "main.py"), "--role", "stats-client", "--data", str(data))
    return await asyncio.create_subprocess_exec(
        sys.executable, *main, *argv, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process, stdin: str = "") -> Ended:
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return Ended(process.returncode, (out or b"").decode().splitlines(), err.decode())


async def run(data: Path, *argv: str, stdin: str = "") -> Ended:
    """One run to its end."""
    return await end(await start(data, *argv), stdin)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[SqliteBroker]:
    broker = SqliteBroker.of(f"sqlite:{tmp_path / 'queue.db'}")
    yield broker
    await broker.close()


@asynccontextmanager
async def service(broker: SqliteBroker) -> AsyncIterator[None]:
    """Answers on lab2_1 what comes on lab2."""
    requests, leave = await broker.queue("lab2"), asyncio.Event()

    async def serve() -> None:
        while not leave.is_set():
            received = await requests.receive(wait=20, leave=leave)
            await requests.settle([Settlement(each, (answer(each, "lab2_1"),)) for each in received])

    serving = asyncio.create_task(serve())
    yield
    leave.set()
    await serving


async def waiting(broker: SqliteBroker, name: str) -> int:
    return (await (await broker.queue(name)).depth()).waiting


async def test_each_numbers_is_a_message_and_each_reply_a_line(broker: SqliteBroker, tmp_path: Path) -> None:
    async with service(broker):
        ended = await run(tmp_path, "--numbers", "1 2 3", "--numbers", "[4, 5]", "--numbers", '{"numbers": [6]}')
    assert (ended.code, ended.err) == (0, "")
    assert sorted(ended.out) == [
        "1, 2, 3 → mean 2, median 2, max 3, min 1",
        "4, 5 → mean 4.5, median 4.5, max 5, min 4",
        "6 → mean 6, median 6, max 6, min 6",
    ]


async def test_with_json_each_reply_is_the_object_the_service_sent(broker: SqliteBroker, tmp_path: Path) -> None:
    async with service(broker):
        ended = await run(tmp_path, "--json", "--numbers", "1,2")
    [reply] = ended.objects
    assert ended.code == 0
    assert list(reply) == ["request", "client", "numbers", "count", "mean", "median", "max", "min"]
    assert (reply["numbers"], reply["mean"]) == ([1.0, 2.0], 1.5)


@pytest.mark.parametrize("name", ["messages.txt", "-"])
async def test_a_file_holds_one_message_a_line(broker: SqliteBroker, tmp_path: Path, name: str) -> None:
    text = "1\n\n2 3\r\n" + "".join(f"{number}\n" for number in range(1200)) + "[4]"
    (tmp_path / "messages.txt").write_text(text)
    file = name if name == "-" else str(tmp_path / name)
    async with service(broker):
        ended = await run(tmp_path, "--json", "--file", file, stdin=text)
    assert (ended.code, len(ended.objects)) == (0, 1203)


async def test_piped_numbers_are_the_dialogue_without_its_questions(broker: SqliteBroker, tmp_path: Path) -> None:
    async with service(broker):
        ended = await run(tmp_path, stdin="1\nx\n3\n\ny\n5\n\nn\n99\n")
    assert ended.code == 0
    assert sorted(line.partition(" →")[0] for line in ended.out) == ["1, 3", "5"]
    assert '"x" is not a number' in ended.err
    assert "Number 1" not in ended.err


async def test_the_end_of_a_pipe_says_what_was_not_sent(broker: SqliteBroker, tmp_path: Path) -> None:
    ended = await run(tmp_path, stdin="1\n2")
    assert (ended.code, ended.out) == (0, [])
    assert "Not sent, as the message was not ended: 1, 2" in ended.err
    assert await waiting(broker, "lab2") == 0


@pytest.mark.parametrize("bad", ["", "abc", "1 -2", "1e309", "1 2 3 4 5 6 7 8 9 10 11", '[1, "2"]', "[" * 1000])
async def test_a_refused_series_is_65_and_nothing_is_sent(broker: SqliteBroker, tmp_path: Path, bad: str) -> None:
    ended = await run(tmp_path, "--json", "--numbers", "1", "--numbers", bad)
    [refused] = ended.objects
    assert ended.code == 65
    assert set(refused["error"]) == {"code", "message", "hint"}
    assert refused["error"]["code"] == "bad_series"
    assert refused["error"]["message"].startswith("message 2: ")
    assert refused["error"]["message"].endswith("; nothing was sent")
    assert await waiting(broker, "lab2") == 0


async def test_without_json_a_refusal_is_a_sentence_on_stderr(tmp_path: Path) -> None:
    ended = await run(tmp_path, "--numbers", "abc")
    assert (ended.code, ended.out) == (65, [])
    assert ended.err.startswith('stats-client: message 1: "abc" is not a number; nothing was sent (')


async def test_missing_replies_are_75_and_counted(broker: SqliteBroker, tmp_path: Path) -> None:
    ended = await run(tmp_path, "--numbers", "1", "--numbers", "2", "--timeout", "0.5")
    assert (ended.code, ended.out) == (75, [])
    assert "no reply after 0.5 s to 2 of 2 messages" in ended.err
    assert await waiting(broker, "lab2") == 2


async def test_an_error_reply_is_65_and_printed(broker: SqliteBroker, tmp_path: Path) -> None:
    requests = await broker.queue("lab2")
    process = await start(tmp_path, "--json", "--numbers", "1")
    [request] = await requests.receive(wait=20)
    reply = {"request": request.id, "error": {"code": "bad_series", "message": "no"}}
    draft = Draft(json.dumps(reply), {"client": request.attributes["client"]})
    await (await broker.queue("lab2_1")).send([draft])
    ended = await end(process)
    assert (ended.code, ended.objects) == (65, [reply])


async def test_a_foreign_reply_is_not_shown_and_stays_for_its_owner(broker: SqliteBroker, tmp_path: Path) -> None:
    await (await broker.queue("lab2_1")).send([Draft("{}", {"client": "somebody else"})])
    async with service(broker):
        ended = await run(tmp_path, "--json", "--numbers", "1")
    assert (ended.code, len(ended.objects)) == (0, 1)

    async def is_back() -> bool:
        return await waiting(broker, "lab2_1") == 1

    assert await eventually(is_back)


async def test_sigterm_ends_it_in_order(broker: SqliteBroker, tmp_path: Path) -> None:
    process = await start(tmp_path, "--numbers", "1")
    assert await eventually(lambda: _sent(broker), PATIENCE)
    process.send_signal(signal.SIGTERM)
    ended = await end(process)
    assert ended.code == 143
    assert "no reply yet to 1 of 1 messages" in ended.err


async def test_a_reader_that_has_enough_ends_it_quietly(broker: SqliteBroker, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    argv = ("--role", "stats-client", "--data", str(tmp_path), "--numbers", "1")
    os.close(reader)
    async with service(broker):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "main.py"), *argv, cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=writer, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        os.close(writer)
        ended = await end(process)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("--file", "no/such/file"), 2, "no/such/file: No such file or directory"),
        (("--timeout", "soon"), 2, "'soon' is no number of seconds"),
        (("--numbers", "1", "--file", "-"), 2, "not allowed with"),
        (("--set", "queue=carrier-pigeon:coop", "--numbers", "1"), 78, "a queue is sqlite:PATH or sqs://"),
    ],
)
async def test_what_cannot_be_is_said(tmp_path: Path, argv: tuple[str, ...], code: int, words: str) -> None:
    ended = await run(tmp_path, *argv)
    assert ended.code == code
    assert words in ended.err


async def _sent(broker: SqliteBroker) -> bool:
    return await waiting(broker, "lab2") == 1
