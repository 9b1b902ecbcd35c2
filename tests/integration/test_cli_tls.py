"""Node files under mutual TLS, and the children of such a node."""

from __future__ import annotations

import signal
from pathlib import Path

from runtime.auth import TlsFiles
from tests.support.certificates import Authority
from tests.support.processes import running


def auth(files: TlsFiles) -> str:
    return f"auth: {{tls: {{cert: {files.cert}, key: {files.key}, ca: {files.ca}}}}}\n"


def arguments(folder: Path, name: str, text: str) -> list[str]:
    (folder / f"{name}.yaml").write_text(f"# {name}\n" + text)
    return ["main.py", "--config", str(folder / f"{name}.yaml"), "--data", str(folder / name), "--log", "json"]


async def test_a_far_node_comes_in_by_its_certificate_and_a_child_by_a_socket_of_its_parent(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates")
    child = "processes: {kid: {role: gateway, links: {hub: parent}, set: {actors.gateway.options.listen: 'http://127.0.0.1:0'}}}"
    hub = f"node: {{name: hub, listen: 'tcp://127.0.0.1:0'}}\n{auth(authority.issue('hub'))}{child}\n"
    async with running(*arguments(tmp_path, "hub", hub)) as parent:
        up = await parent.line('"event": "node is up"')
        await parent.line('"link": "hub", "peer": "hub", "event": "link up"')
        address = up.partition('"addresses": ["')[2].partition('"')[0]
        edge = f"node: {{name: edge}}\nlinks: {{hub: '{address}'}}\n{auth(authority.issue('edge'))}"
        async with running(*arguments(tmp_path, "edge", edge)) as far:
            await far.line('"link": "hub", "peer": "hub", "event": "link up"')
            far.send(signal.SIGTERM)
            assert await far.ended() == 0
        parent.send(signal.SIGTERM)
        assert await parent.ended() == 0


async def test_a_node_under_another_nodes_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "certificates")
    hub = f"node: {{name: hub, listen: 'tcp://127.0.0.1:0'}}\n{auth(authority.issue('hub'))}"
    async with running(*arguments(tmp_path, "hub", hub)) as parent:
        up = await parent.line('"event": "node is up"')
        address = up.partition('"addresses": ["')[2].partition('"')[0]
        thief = f"node: {{name: edge}}\nlinks: {{hub: '{address}'}}\n{auth(authority.issue('other'))}"
        async with running(*arguments(tmp_path, "edge", thief)) as far:
            assert "shows a certificate for" in await far.line('"event": "link down"')
