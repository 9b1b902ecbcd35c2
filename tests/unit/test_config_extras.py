"""What is installed and what is not: `config.extras`."""

from __future__ import annotations

import pytest

from config import extras


def test_nothing_is_missing_where_all_modules_are_there() -> None:
    assert extras.missing_extras(["core"]) is None


def test_a_missing_extra_comes_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.MODULES, "spark", ("no_such_pyspark", "numpy"))
    assert extras.missing_extras(["core", "spark"]) == "no_such_pyspark not installed: uv sync --inexact --extra spark"


def test_a_module_is_known_by_the_extra_that_brings_it() -> None:
    assert extras.extra_of("cv2.gapi") == "edge"
    assert extras.extra_of("colorama") is None
