"""Fixtures every test may ask for."""

from __future__ import annotations

from hypothesis import settings

from tests.support.leaks import no_blocking, no_leaks
from tests.support.servers import aws_environment, elasticmq, moto, own_elasticmq, own_versitygw, versitygw

__all__ = [
    "aws_environment",
    "elasticmq",
    "moto",
    "no_blocking",
    "no_leaks",
    "own_elasticmq",
    "own_versitygw",
    "versitygw",
]

settings.register_profile("brume", deadline=None)  # speed lives in bench/
settings.load_profile("brume")
