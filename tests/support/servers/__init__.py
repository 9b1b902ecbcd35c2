"""Real queue and object servers for tests: ElasticMQ, moto and versitygw on free loopback ports.

The fixtures `elasticmq`, `moto` and `versitygw` share one server a session; `own_elasticmq` and `own_versitygw` give a
test its own, to stop and start. ElasticMQ and versitygw are installed once, into `$BRUME_CACHE` (~/.cache/brume).
"""

from tests.support.servers.fixtures import aws_environment, elasticmq, moto, own_elasticmq, own_versitygw, versitygw
from tests.support.servers.kinds import CREDENTIALS, ElasticMq, Moto, VersityGw
from tests.support.servers.server import Server

__all__ = [
    "CREDENTIALS",
    "ElasticMq",
    "Moto",
    "Server",
    "VersityGw",
    "aws_environment",
    "elasticmq",
    "moto",
    "own_elasticmq",
    "own_versitygw",
    "versitygw",
]
