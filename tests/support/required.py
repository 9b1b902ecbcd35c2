"""What a test needs of the machine: where it is missing the test is skipped, or fails with `BRUME_REQUIRE=all`."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """End the test for the `reason`, which says what to install."""
    if os.environ.get("BRUME_REQUIRE") == "all":
        pytest.fail(f"{reason}\n(BRUME_REQUIRE=all: nothing may be skipped)", pytrace=False)
    pytest.skip(reason)
