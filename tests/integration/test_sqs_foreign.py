"""The AWS command line as somebody else's client: with our queues, and with the statistics service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from actors.kit.queues import open_broker
from actors.kit.queues.base import Draft, Settlement
from tests.contract.queues import received, unused
from tests.support.processes import running
from tests.support.servers.kinds import ElasticMq

AWS = Path(sys.executable).with_name("aws")
PATIENCE = 60.0  # seconds until a reply is missing
HUGE = 1e308

ANSWERED = {
    '{"numbers": [1, 2, 3, 6]}': (3.0, 2.5, 6.0, 1.0),
    "[4.5]": (4.5, 4.5, 4.5, 4.5),
    "1 2 3": (2.0, 2.0, 3.0, 1.0),
    "1,2,3": (2.0, 2.0, 3.0, 1.0),
    "1\n2\n6": (3.0, 2.0, 6.0, 1.0),
    "0": (0.0, 0.0, 0.0, 0.0),
    " ".join(["1e308"] * 10): (HUGE, HUGE, HUGE, HUGE),
}
REFUSED = (
    " ", "1 2 3 4 5 6 7 8 9 10 11", "two numbers", '[1, "2"]', "1e309", "-1", "nan", "[]",
    '{"numbers": {"numbers": [1]}}', "[" * 5000 + "]" * 5000, "7" * (256 << 10), "🍎🍎🍎", "1\t2\r\n\x7f",
)  # fmt: skip


@dataclass(frozen=True)
class Aws:
    """The AWS command line, told where ElasticMQ is and nothing else."""

    server: ElasticMq
    folder: Path

    async def __call__(self, command: str, **parameters: Any) -> dict[str, Any]:
        """`aws sqs COMMAND` with these parameters; what it prints."""
        given = self.folder / "input.json"
        given.write_text(json.dumps(parameters))
        process = await asyncio.create_subprocess_exec(
            sys.executable, AWS, "--endpoint-url", self.server.endpoint, "--region", self.server.region,
            "--output", "json", "sqs", command, "--cli-input-json", f"file://{given}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ,
        )  # fmt: skip
        printed, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        answer: dict[str, Any] = json.loads(printed or b"{}")
        return answer

    async def url(self, name: str) -> str:
        """The queue's URL."""
        return str((await self("get-queue-url", QueueName=name))["QueueUrl"])

    async def send(self, queue: str, bodies: Sequence[str], client: str) -> list[str]:
        """Send these, large ones alone; their message ids."""
        small = [body for body in bodies if len(body) < 100_000]
        batches = [small[at : at + 10] for at in range(0, len(small), 10)]
        batches += [[body] for body in bodies if body not in small]
        ids: dict[str, str] = {}
        attributes = {"client": {"DataType": "String", "StringValue": client}}
        for batch in batches:
            entries = [
                {"Id": str(at), "MessageBody": body} | ({"MessageAttributes": attributes} if body in small else {})
                for at, body in enumerate(batch)
            ]
            answer = await self("send-message-batch", QueueUrl=queue, Entries=entries)
            assert not answer.get("Failed")
            ids |= {batch[int(done["Id"])]: done["MessageId"] for done in answer["Successful"]}
        return [ids[body] for body in bodies]

    async def receive(self, queue: str, count: int) -> list[dict[str, Any]]:
        """That many messages."""
        messages: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE):
            while len(messages) < count:
                messages += (await self(
                    "receive-message", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5,
                    MessageAttributeNames=["All"],
                )).get("Messages", ())  # fmt: skip
        return messages


@pytest.fixture
def aws(elasticmq: ElasticMq, tmp_path: Path) -> Aws:
    """The AWS command line at the session's ElasticMQ."""
    return Aws(elasticmq, tmp_path)


@dataclass(frozen=True)
class Service:
    """A statistics service in a process of its own, and where it listens and answers."""

    requests: str
    replies: str
    dead_letters: str


@pytest.fixture
async def service(elasticmq: ElasticMq, tmp_path: Path) -> AsyncIterator[Service]:
    """`main.py --role stats` on ElasticMQ and a folder; it ends well."""
    names = Service(unused("lab2"), unused("lab2_1"), unused("lab2_dead"))
    options = {"requests": names.requests, "replies": names.replies, "dead_letters": names.dead_letters, "wait": "2"}
    settings = [text for name, value in options.items() for text in ("--set", f"actors.stats.options.{name}={value}")]
    env = {"BRUME_QUEUE": elasticmq.queue_url(), "BRUME_STORE": f"file:{tmp_path}/bucket"}
    async with running("main.py", "--role", "stats", "--data", str(tmp_path / "data"), *settings, env=env) as program:
        await program.line("polling")
        yield names
        program.send(signal.SIGTERM)
        assert await program.ended() == 0, "\n".join(program.lines)


async def test_what_the_aws_command_line_sent_is_received_and_the_other_way_round(
    aws: Aws, elasticmq: ElasticMq
) -> None:
    broker = open_broker(elasticmq.queue_url())
    queue = await broker.queue(unused())
    url = await aws.url(queue.name)
    (id_,) = await aws.send(url, ["1 2 🍎"], "shell")

    (message,) = await received(queue, 1)
    assert (message.id, message.body, message.attributes) == (id_, "1 2 🍎", {"client": "shell"})
    await queue.settle([Settlement(message)])

    await queue.send([Draft("é\n3", {"client": "brume"})])
    (seen,) = await aws.receive(url, 1)
    assert seen["Body"] == "é\n3"
    assert seen["MessageAttributes"]["client"]["StringValue"] == "brume"
    await broker.close()


async def test_the_aws_command_line_is_answered_by_the_statistics_service(aws: Aws, service: Service) -> None:
    """Each accepted form with its statistics, and everything else with what is wrong with it; nothing else happens."""
    bodies = [*ANSWERED, *REFUSED]
    ids = await aws.send(await aws.url(service.requests), bodies, "shell")

    messages = await aws.receive(await aws.url(service.replies), len(bodies))

    replies = {reply["request"]: reply for reply in (json.loads(message["Body"]) for message in messages)}
    by_body = {body: replies[id_] for body, id_ in zip(bodies, ids, strict=True)}
    for body, statistics in ANSWERED.items():
        reply = by_body[body]
        assert (reply["mean"], reply["median"], reply["max"], reply["min"]) == statistics, body
        assert reply["count"] == len(reply["numbers"])
        assert reply["client"] == "shell"
    for body in REFUSED:
        assert by_body[body]["error"]["code"] == "bad_series", body[:40]
        assert len(by_body[body]["error"]["message"]) < 500
    assert not (await aws("receive-message", QueueUrl=await aws.url(service.dead_letters))).get("Messages")


async def test_what_no_queue_takes_is_refused_beside_what_it_takes(aws: Aws, elasticmq: ElasticMq) -> None:
    broker = open_broker(elasticmq.queue_url())
    queue = await broker.queue(unused())
    entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(["", "\x01", "1"])]

    answer = await aws("send-message-batch", QueueUrl=await aws.url(queue.name), Entries=entries)

    assert [(failed["Id"], failed["SenderFault"]) for failed in answer["Failed"]] == [("0", True), ("1", True)]
    assert [message.body for message in await received(queue, 1)] == ["1"]
    await broker.close()
