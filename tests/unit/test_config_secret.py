"""The token a node makes for its machine: `config.secret`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.mistakes import ConfigError
from config.secret import own_token


def test_the_token_is_made_once_and_readable_by_its_user_alone(tmp_path: Path) -> None:
    first = own_token(tmp_path / "data")
    assert len(first.get_secret_value()) == 64
    assert (tmp_path / "data" / "token").stat().st_mode & 0o777 == 0o600
    assert own_token(tmp_path / "data") == first


def test_nodes_that_start_together_agree_on_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(own_token, [tmp_path] * 32))
    assert len({token.get_secret_value() for token in tokens}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_token_others_can_read_is_taken_from_them(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("x" * 64)
    path.chmod(0o644)
    own_token(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    with pytest.raises(ConfigError, match="holds 5 bytes, a token needs 32"):
        own_token(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="the node's token cannot be kept here"):
        own_token(tmp_path / "file")
