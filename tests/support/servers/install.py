"""Programs the test servers need, installed once a version into a cache outside the checkout.

An installation is made in a folder of its own and moved into place whole, by one process at a time, so that whatever is
in the cache is complete.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ELASTICMQ = "1.7.1"
VERSITYGW = "1.8.0"
PATIENCE = 1200  # seconds for one installation: Go compiles versitygw for minutes

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>brume</groupId><artifactId>servers</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>{ELASTICMQ}</version>
  </dependency></dependencies>
</project>
"""


class Unavailable(Exception):
    """A server cannot be had on this machine; the words say what to install."""


def elasticmq() -> list[str]:
    """The command that runs ElasticMQ, without its options. Waits for the installation; raises Unavailable."""
    java = program("java", "a Java runtime of version 11 or later (Debian: apt install default-jre-headless)")
    lib = installed(f"elasticmq-{ELASTICMQ}", _get_elasticmq)
    return [java, "-XX:+UseSerialGC", "-Xmx1g", "-cp", f"{lib}/*"]


def versitygw() -> list[str]:
    """The command that runs versitygw, without its options. Waits for the installation; raises Unavailable."""
    return [str(installed(f"versitygw-{VERSITYGW}", _get_versitygw) / "versitygw")]


def program(name: str, what: str) -> str:
    """Where the program is; Unavailable with `what` to install where it is not."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"no `{name}` here: install {what} to run this test")
    return found


def installed(name: str, install: Callable[[Path], None]) -> Path:
    """The cache's folder `name`, filled by `install` if it is not there yet."""
    home = cache() / name
    if not home.exists():
        with _alone(cache() / f"{name}.lock"):
            if not home.exists():
                _publish(home, install)
    return home


def cache() -> Path:
    """Where installations live."""
    return Path(os.environ.get("BRUME_CACHE") or Path.home() / ".cache/brume")


def _publish(home: Path, install: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{home.name}-") as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        install(made)
        made.rename(home)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _get_elasticmq(into: Path) -> None:
    maven = program("mvn", "Maven (Debian: apt install maven)")
    pom = into.parent / "pom.xml"
    pom.write_text(POM)
    _run([maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={into}"], {})


def _get_versitygw(into: Path) -> None:
    go = program("go", "Go 1.25 or later (https://go.dev/dl)")
    package = f"github.com/versity/versitygw/cmd/versitygw@v{VERSITYGW}"
    _run([go, "install", package], {"GOBIN": str(into)})


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE, check=False,
    )  # fmt: skip
    if done.returncode:
        last = "\n  ".join(done.stdout.splitlines()[-8:])
        raise Unavailable(f"`{' '.join(command)}` failed, is the network there?\n  {last}")
