"""The demo as `make demo` runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_the_demo_kills_a_worker_and_no_pixel_differs(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "main.py"), "--role", "demo", "--json", "--out", str(tmp_path / "out")]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 0, ran.stderr
    outcome = json.loads(ran.stdout)
    assert outcome["killed"].startswith("worker-")
    assert outcome["retries"] >= 1
    assert (outcome["differing"], outcome["pixels"]) == (0, 12_000_000)
    assert all((tmp_path / file).stat().st_size for file in outcome["files"])
