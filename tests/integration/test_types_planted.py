"""Both type checkers find every mistake planted on a ref, and nothing in its correct twin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import ROOT

PLANTED = Path("tests/typing/planted")
Checker = Callable[[Path], set[int]]


def checker(*argv: str) -> str:
    """What a checker prints about a file; it exits 1 where it finds something, more if it could not work."""
    quiet = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *argv], cwd=ROOT, env=os.environ | quiet, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy(path: Path) -> set[int]:
    report = checker("mypy", "--strict", "--no-error-summary", "--hide-error-context", str(path))
    assert all(line.startswith(str(path)) for line in report.splitlines()), report
    return {int(number) for number in re.findall(r"^[^:]+:(\d+): error:", report, re.MULTILINE)}


def pyright(path: Path) -> set[int]:
    report = json.loads(checker("pyright", "--outputjson", "--pythonpath", sys.executable, str(path)))
    errors = [found for found in report["generalDiagnostics"] if found["severity"] == "error"]
    assert all(found["file"].endswith(str(path)) for found in errors), errors
    return {found["range"]["start"]["line"] + 1 for found in errors}


def planted_in(path: Path) -> dict[int, str]:
    lines = (ROOT / path).read_text().splitlines()
    return {number: line.strip() for number, line in enumerate(lines, 1) if "# planted" in line}


@pytest.mark.parametrize("check", [mypy, pyright])
def test_every_planted_mistake_is_found_and_nothing_else(check: Checker) -> None:
    planted = planted_in(PLANTED / "wrong.py")
    assert len(planted) >= 18
    found = check(PLANTED / "wrong.py")
    assert [line for number, line in planted.items() if number not in found] == []
    assert found - set(planted) == set()


@pytest.mark.parametrize("check", [mypy, pyright])
def test_the_correct_twin_is_clean(check: Checker) -> None:
    assert check(PLANTED / "right.py") == set()
