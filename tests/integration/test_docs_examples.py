"""What README.md and docs/operations.md show is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from config import schema
from runtime.exits import Exit
from tests.support.processes import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "BRUME_TOKEN": "0123456789abcdef" * 2}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_python_example_prints_what_its_comments_say(tmp_path: Path) -> None:
    (example,) = blocks("python")
    script = tmp_path / "example.py"
    script.write_text(example)
    done = python(str(script))
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if line.isdecimal()]  # beside the runtime's log lines
    assert printed == re.findall(r"print\(.*\)  # (\d+)", example) == ["42", "43"]


def test_the_python_example_is_typed(tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(blocks("python")[0])
    done = python("-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".cache/mypy"), str(script))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("example", blocks("yaml"))
def test_a_node_file_shown_passes_its_check(tmp_path: Path, example: str) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(example)
    done = python("main.py", "--config", str(file), "--check")
    assert done.returncode == 0, done.stdout


def test_the_table_of_roles_is_the_folder_of_roles() -> None:
    shown = re.findall(r"^\| `([\w-]+)` \| (service|tool) \|", README, re.MULTILINE)
    files = {path.stem: path.read_text() for path in (ROOT / "config/roles").glob("*.yaml")}
    there = {(name, "tool" if re.search("^tool:", text, re.MULTILINE) else "service") for name, text in files.items()}
    assert set(shown) == there


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md", "docs/decisions"])
def test_links_between_documents_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for file in path.rglob("*.md") if path.is_dir() else [path]:
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def sections() -> Iterator[type[BaseModel]]:
    for found in vars(schema).values():
        if isinstance(found, type) and issubclass(found, schema.Section):
            yield found


@pytest.mark.parametrize("section", list(sections()), ids=lambda section: section.__name__)
def test_every_key_of_a_node_file_is_documented(section: type[BaseModel]) -> None:
    assert [key for key in section.model_fields if f"`{key}`" not in OPERATIONS] == []


def test_every_option_and_exit_code_is_documented() -> None:
    shown = python("main.py", "--help").stdout
    options = set(re.findall(r"^  (--[\w-]+)", shown, re.MULTILINE)) - {"--role", "--config"}
    assert [option for option in sorted(options) if f"`{option}" not in OPERATIONS] == []
    assert [code for code in Exit if f"| {code.value} |" not in OPERATIONS] == []
