"""The test servers themselves: they keep port and data, and leave nothing running."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiobotocore.session import get_session

from tests.support.processes import alive, running
from tests.support.servers import ElasticMq, Moto, Server, VersityGw
from tests.support.servers.install import Unavailable, installed


def client(service: str, server: Server) -> Any:
    return get_session().create_client(service, endpoint_url=server.endpoint, region_name=server.region)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_queue_server_of_ones_own_keeps_its_messages_over_a_restart(
    own_elasticmq: ElasticMq, end: str
) -> None:
    async with client("sqs", own_elasticmq) as sqs:
        url = (await sqs.create_queue(QueueName="kept"))["QueueUrl"]
        await sqs.send_message(QueueUrl=url, MessageBody="1 2 3")
        await getattr(own_elasticmq, end)()
        await own_elasticmq.start()
        received = await sqs.receive_message(QueueUrl=url)
    assert [message["Body"] for message in received["Messages"]] == ["1 2 3"]


async def test_a_store_of_ones_own_keeps_its_objects_over_a_restart(own_versitygw: VersityGw) -> None:
    own_versitygw.store_url(bucket="kept")
    async with client("s3", own_versitygw) as s3:
        await s3.put_object(Bucket="kept", Key="a/b", Body=b"1")
        await own_versitygw.stop()
        await own_versitygw.start()
        listed = await s3.list_objects_v2(Bucket="kept")
    assert [entry["Key"] for entry in listed["Contents"]] == ["a/b"]


async def test_the_shared_servers_answer_under_the_urls_they_give(
    elasticmq: ElasticMq, moto: Moto, versitygw: VersityGw, no_blocking: None
) -> None:
    for queues in (elasticmq, moto):
        assert parse_qs(urlsplit(queues.queue_url()).query)["endpoint_url"] == [queues.endpoint]
        async with client("sqs", queues) as sqs:
            await sqs.list_queues()
    for store in (moto, versitygw):
        assert urlsplit(store.store_url("answers", "below")).path == "/below"
        async with client("s3", store) as s3:
            await s3.head_bucket(Bucket="answers")


async def test_a_stopped_server_is_gone_and_a_frozen_one_can_be_stopped(own_versitygw: VersityGw) -> None:
    pid = own_versitygw.pid
    own_versitygw.pause()
    await own_versitygw.stop()
    assert not alive(pid)


def test_what_failed_to_install_is_not_taken_for_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRUME_CACHE", str(tmp_path))

    def fails_half_way(into: Path) -> None:
        (into / "half").touch()
        raise Unavailable("the network went away")

    with pytest.raises(Unavailable, match="went away"):
        installed("server-1", fails_half_way)
    assert [path.name for path in installed("server-1", lambda into: (into / "whole").touch()).iterdir()] == ["whole"]


@pytest.mark.parametrize(("required", "verdict"), [("", "1 skipped"), ("all", "1 error")])
async def test_a_missing_program_skips_a_test_with_a_hint_and_fails_it_where_nothing_may_be_skipped(
    tmp_path: Path, required: str, verdict: str
) -> None:
    nothing_here = {"BRUME_CACHE": str(tmp_path), "PATH": str(tmp_path), "BRUME_REQUIRE": required}
    frozen = f"{__file__}::{test_a_stopped_server_is_gone_and_a_frozen_one_can_be_stopped.__name__}"
    async with running("-m", "pytest", frozen, env=nothing_here) as run:
        assert "install Go" in await run.line("no `go` here")
        await run.line(verdict)
