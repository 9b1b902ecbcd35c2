"""How long a campaign runs: a short form in `make test`, thousands of cases with BRUME_LONG=1 (`make test-long`)."""

import os

LONG = 20


def examples(short: int) -> int:
    """How many cases a property is tried on."""
    return short * LONG if os.environ.get("BRUME_LONG") == "1" else short
