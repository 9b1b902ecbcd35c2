"""ElasticMQ and versitygw for a run: those of the tests, in processes of their own that share nothing with others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.servers import CREDENTIALS, ElasticMq, VersityGw


class KeepingVersityGw(VersityGw):
    """It keeps connections open between requests, as S3 does."""

    def command(self) -> Sequence[str]:
        """The options of the tests, and one more."""
        program, *options = super().command()
        return [program, "--keep-alive", *options]


@contextmanager
def serving() -> Iterator[tuple[str, str]]:
    """Their endpoints, queues first; the environment is given their credentials, for child processes too.

    Raises Unavailable, which says what to install.
    """
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    os.environ.update(CREDENTIALS | nowhere | {"AWS_EC2_METADATA_DISABLED": "true"})
    with tempfile.TemporaryDirectory(prefix="brume-bench-") as folder:
        elasticmq, versitygw = ElasticMq(Path(folder, "elasticmq")), KeepingVersityGw(Path(folder, "versitygw"))
        with closing(elasticmq), closing(versitygw):
            elasticmq.start_now()
            versitygw.start_now()
            yield elasticmq.endpoint, versitygw.endpoint
