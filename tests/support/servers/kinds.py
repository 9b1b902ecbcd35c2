"""The three servers: how each is run, and the URLs under which Brume finds queues and stores in them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from tests.support.servers import install
from tests.support.servers.server import Server

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "brume", "AWS_SECRET_ACCESS_KEY": "brumebrume"}
QUICK_START = ("-XX:TieredStopAtLevel=1",)  # Java options for short lives: they start in half the time and serve slower

ELASTICMQ_CONF = """
include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-hostname = "127.0.0.1", bind-port = {port}, sqs-limits = strict }}
rest-stats.enabled = false
aws {{ region = elasticmq, accountId = 000000000000 }}
messages-storage {{
  enabled = {durable}, driver-class-name = "org.h2.Driver", uri = "jdbc:h2:{folder}/messages;WRITE_DELAY=0",
  username = "", password = "", prune-data-on-init = false
}}
queues-storage {{ enabled = {durable}, path = "{folder}/queues.conf" }}
"""


class ElasticMq(Server):
    """SQS as ElasticMQ serves it. A `durable` one keeps queues and messages over stops and kills."""

    region = "elasticmq"

    def __init__(self, folder: Path, *, durable: bool = False, java_options: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self._durable = durable
        self._java_options = java_options

    def command(self) -> Sequence[str]:
        """Java with a configuration of its own."""
        java, *options = install.elasticmq()
        conf = self.folder / "elasticmq.conf"
        conf.write_text(ELASTICMQ_CONF.format(port=self.port, folder=self.folder, durable=str(self._durable).lower()))
        return [java, *self._java_options, *options, f"-Dconfig.file={conf}", "org.elasticmq.server.Main"]

    def queue_url(self, *, create: bool = True) -> str:
        """The broker's URL."""
        return _queue_url(self, create=create)


class Moto(Server):
    """SQS and S3 as moto serves them, in memory. Its compare-and-swap loses races: never test those here."""

    def command(self) -> Sequence[str]:
        """The moto of this environment."""
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def queue_url(self, *, create: bool = True) -> str:
        """The broker's URL."""
        return _queue_url(self, create=create)

    def store_url(self, bucket: str = "brume", prefix: str = "") -> str:
        """The URL of a bucket, made if it is not there; blocks for one request."""
        # On a thread of its own, as tests forbid blocking calls on their event loop.
        thread = threading.Thread(target=_put, args=(self.port, f"/{bucket}"))
        thread.start()
        thread.join()
        return _store_url(self, bucket, prefix)


class VersityGw(Server):
    """S3 as versitygw serves a folder, with conditional writes that hold under races. No key `a` beside `a/b`."""

    def command(self) -> Sequence[str]:
        """versitygw over the folder `buckets`, without a log of every request."""
        self.buckets.mkdir(exist_ok=True)
        return [*install.versitygw(), "--port", f"127.0.0.1:{self.port}", "--quiet", "posix", str(self.buckets)]

    def environment(self) -> Mapping[str, str]:
        """The only account it knows."""
        return {
            "ROOT_ACCESS_KEY": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            "VGW_REGION": self.region,
        }

    @property
    def buckets(self) -> Path:
        """Where the buckets are: a folder each."""
        return self.folder / "buckets"

    def store_url(self, bucket: str = "brume", prefix: str = "") -> str:
        """The URL of a bucket, made if it is not there."""
        (self.buckets / bucket).mkdir(exist_ok=True)
        return _store_url(self, bucket, prefix)


def _queue_url(server: Server, *, create: bool) -> str:
    options = {"endpoint_url": server.endpoint, "region": server.region} | ({"create": "true"} if create else {})
    return f"sqs://?{urlencode(options, safe=':/')}"


def _store_url(server: Server, bucket: str, prefix: str) -> str:
    options = urlencode({"endpoint_url": server.endpoint, "region": server.region}, safe=":/")
    return f"s3://{bucket}{'/' if prefix else ''}{prefix}?{options}"


def _put(port: int, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("PUT", path)
    assert connection.getresponse().status == 200, f"PUT {path} was refused"
    connection.close()
