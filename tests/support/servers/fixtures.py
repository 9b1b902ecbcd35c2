"""The servers as fixtures. Where one cannot be had the test is skipped, or fails with `BRUME_REQUIRE=all`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.required import missing
from tests.support.servers.install import Unavailable
from tests.support.servers.kinds import CREDENTIALS, QUICK_START, ElasticMq, Moto, VersityGw
from tests.support.servers.server import Server

Kind = TypeVar("Kind", bound=Server)


@pytest.fixture(scope="session", autouse=True)
def aws_environment() -> Iterator[None]:
    """The test servers' credentials, and nothing of the user's own AWS settings; for child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        settings = {"AWS_EC2_METADATA_DISABLED": "true"}
        nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        for name, value in (CREDENTIALS | settings | nowhere).items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def elasticmq(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElasticMq]:
    """The session's ElasticMQ, in memory: name your queues so that no other test uses them."""
    with _running(ElasticMq(tmp_path_factory.mktemp("elasticmq"), java_options=QUICK_START)) as server:
        yield server


@pytest.fixture(scope="session")
def moto(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """The session's moto."""
    with _running(Moto(tmp_path_factory.mktemp("moto"))) as server:
        yield server


@pytest.fixture(scope="session")
def versitygw(aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityGw]:
    """The session's versitygw: use a bucket or a prefix of your own."""
    with _running(VersityGw(tmp_path_factory.mktemp("versitygw"))) as server:
        yield server


@pytest.fixture
def own_elasticmq(aws_environment: None, tmp_path: Path) -> Iterator[ElasticMq]:
    """An ElasticMQ for this test to stop and start; it keeps its messages."""
    with _running(ElasticMq(tmp_path / "elasticmq", durable=True, java_options=QUICK_START)) as server:
        yield server


@pytest.fixture
def own_versitygw(aws_environment: None, tmp_path: Path) -> Iterator[VersityGw]:
    """A versitygw for this test to stop and start."""
    with _running(VersityGw(tmp_path / "versitygw")) as server:
        yield server


@contextmanager
def _running(server: Kind) -> Iterator[Kind]:
    try:
        try:
            server.start_now()
        except Unavailable as problem:
            missing(str(problem))
        yield server
    finally:
        server.close()
