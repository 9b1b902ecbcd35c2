"""Fixtures for tests on real processes and sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.linkem import EmulatedLink, emulated_link, unavailable


@pytest.fixture
def link() -> Iterator[EmulatedLink]:
    """A network link to break: 50 Mbit/s, 10 ms each way. Skips with the reason where it cannot be had."""
    if reason := unavailable():
        pytest.skip(reason)
    with emulated_link(f"brume{os.getpid()}") as emulated:
        yield emulated
