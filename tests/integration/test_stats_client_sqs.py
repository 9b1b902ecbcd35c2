"""The client and the site over queues of a server that speaks SQS."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, ROOT, running
from tests.support.servers import ElasticMq

MAIN = str(ROOT / "main.py")


async def client(url: str, *argv: str) -> tuple[int, list[str], str]:
    """One run: exit code, lines of standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, MAIN, "--role", "stats-client", "--set", f"queue={url}", *argv, cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().splitlines(), err.decode()


@pytest.mark.parametrize("kind", ["", ".fifo"])
async def test_several_clients_on_one_sqs_queue_get_each_their_own(
    elasticmq: ElasticMq, tmp_path: Path, kind: str
) -> None:
    url, name = elasticmq.queue_url(), f"q{uuid.uuid4().hex}"
    names = {"requests": f"{name}{kind}", "replies": f"{name}_1{kind}", "dead_letters": f"{name}_dead{kind}"}
    options = [f"queue={url}", *(f"actors.stats.options.{option}={value}" for option, value in names.items())]
    settings = [part for option in options for part in ("--set", option)]
    service = (MAIN, "--role", "stats", "--data", str(tmp_path), *settings)
    queues = ("--requests", names["requests"], "--replies", names["replies"], "--json")
    numbers = [[str(10 * number + place) for place in range(10)] for number in range(3)]
    async with running(*service) as program:
        await program.line("polling")
        messages = [[part for number in own for part in ("--numbers", number)] for own in numbers]
        runs = await asyncio.gather(*(client(url, *queues, *own) for own in messages))
    assert [code for code, _, _ in runs] == [0, 0, 0]
    replies = [sorted(json.loads(line)["mean"] for line in out) for _, out, _ in runs]
    assert replies == [[float(number) for number in own] for own in numbers]


async def test_a_queue_that_does_not_exist_is_78_with_what_to_do(elasticmq: ElasticMq) -> None:
    code, out, err = await client(elasticmq.queue_url(create=False), "--requests", "nowhere", "--numbers", "1")
    assert (code, out) == (78, [])
    assert "create=true" in err


async def test_a_server_that_cannot_be_reached_is_75(aws_environment: None) -> None:
    url = "sqs://?endpoint_url=http://127.0.0.1:9&region=elasticmq"
    code, out, err = await client(url, "--json", "--numbers", "1")
    assert (code, err) == (75, "")
    assert json.loads(out[0])["error"]["code"] == "queue_unavailable"
