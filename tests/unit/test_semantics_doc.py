"""docs/semantics.md promises nothing without a test."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "semantics.md").read_text()
PROMISES = [" ".join(bullet.split()) for bullet in re.findall(r"^- (?:.+\n(?:  .+\n)*)", DOCUMENT, re.MULTILINE)]


def existing_tests() -> set[str]:
    """The name of every test function."""
    sources = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"^(?:async )?def (test_\w+)\(", source, re.MULTILINE)}


def test_every_promise_names_a_test() -> None:
    assert len(PROMISES) > 50
    assert [promise for promise in PROMISES if "`test_" not in promise] == []


def test_every_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    assert sorted(named - existing_tests()) == []
