"""docs/stores.md promises nothing without a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "stores.md").read_text()


def test_every_promise_of_the_stores_names_a_test() -> None:
    promises = re.findall(r"^- (?:.+\n(?:  .+\n)*)", DOCUMENT, re.MULTILINE)
    assert len(promises) > 25
    assert [promise for promise in promises if "`test_" not in promise] == []


def test_every_test_the_stores_name_exists() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []
