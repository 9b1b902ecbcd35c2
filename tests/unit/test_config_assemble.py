"""Whom a node trusts, by its file: `config.assemble`."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.assemble import node_auth
from config.load import parse

TOKEN = "0123456789abcdef" * 2


def tokens(text: str, data: Path) -> list[str]:
    return [token.decode() for token in node_auth(parse(text, "n.yaml", [], {}).file, data).secrets()]


@pytest.mark.parametrize(
    "local",
    [
        "node: {listen: 'tcp://127.0.0.1:0'}",
        "node: {listen: 'tcp://[::1]:0'}",
        "links: {hub: 'tcp://localhost:7100'}",
        "links: {hub: 'unix:hub.sock'}",
        "processes: {w: {role: worker}}",
        "tool: 'a:b'",
    ],
)
def test_a_node_with_peers_on_this_machine_uses_the_machines_own_token(tmp_path: Path, local: str) -> None:
    assert tokens(local, tmp_path) == [(tmp_path / "token").read_text().strip()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "links: {hub: 'tcp://farm.example:7100'}",
        "node: {listen: 'tcp://127.0.0.1:0'}\nauth: {insecure: true}",
        "node: {listen: 'tcp://127.0.0.1:0'}\nauth: {tls: {cert: c, key: k, ca: a}}",
    ],
)
def test_no_token_is_made_up_for_far_peers_under_tls_or_when_insecure(tmp_path: Path, text: str) -> None:
    assert tokens(text, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_configured_tokens_win_and_the_current_one_comes_first(tmp_path: Path) -> None:
    text = f"node: {{listen: 'tcp://127.0.0.1:0'}}\nauth: {{token: {TOKEN}, previous_token: {TOKEN[::-1]}}}"
    assert tokens(text, tmp_path) == [TOKEN, TOKEN[::-1]]
    assert list(tmp_path.iterdir()) == []


def test_tls_files_are_below_the_data_folder(tmp_path: Path) -> None:
    tls = node_auth(parse("auth: {tls: {cert: c, key: /k, ca: a}}", "n.yaml", [], {}).file, tmp_path).tls
    assert tls is not None
    assert (tls.cert, tls.key, tls.ca) == (tmp_path / "c", Path("/k"), tmp_path / "a")
