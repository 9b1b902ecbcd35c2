"""A slow, lossy or cut network link between two network namespaces, without netem.

Two TUN devices are joined by this process, which delays, limits, drops and holds up real IP packets, so the kernel's
own TCP is what is tested. `HERE` is this end's address, `THERE` the other's, inside the namespace.

    with emulated_link("brume1") as link:
        subprocess.Popen([*link.inside, "python", …])       # runs at THERE
        link.set("down")
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE, THERE = "10.225.0.1", "10.225.0.2"
TUN = Path("/dev/net/tun")
LOCK = Path(tempfile.gettempdir(), "brume-linkem.lock")
QUEUE_SECONDS = 0.25
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 1, 0x1000


def unavailable() -> str | None:
    """Why no link can be emulated here; None when it can."""
    if os.geteuid() != 0:
        return "emulating a link needs root"
    if not TUN.exists():
        return f"emulating a link needs {TUN}"
    if shutil.which("ip") is None:
        return "emulating a link needs the `ip` command (iproute2)"
    return None


@dataclass
class EmulatedLink:
    """A running emulator. `inside` is the command prefix that runs something at the far end."""

    namespace: str
    process: subprocess.Popen[bytes]

    @property
    def inside(self) -> list[str]:
        return ["ip", "netns", "exec", self.namespace]

    def set(self, command: str) -> None:
        """`rate MBIT`, `delay MS`, `loss P`, `down` or `up`."""
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()


@contextmanager
def emulated_link(namespace: str) -> Iterator[EmulatedLink]:
    """A link at 50 Mbit/s with 10 ms of delay each way, until the block ends."""
    process = subprocess.Popen(
        [sys.executable, __file__, namespace], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the link emulator did not start, exit code {process.wait()}")
        yield EmulatedLink(namespace, process)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


@dataclass
class Wire:
    """What the emulator decides for one packet: pure, apart from the random source it is given."""

    random: random.Random
    rate: float = 50e6 / 8  # bytes a second
    delay: float = 0.010
    loss: float = 0.0
    up: bool = True
    _free: dict[int, float] = field(default_factory=dict)

    def carry(self, direction: int, size: int, now: float) -> float | None:
        """When a packet of `size` bytes arrives; None if it is lost, or dropped from a full queue."""
        free = max(now, self._free.get(direction, 0.0))
        if not self.up or self.random.random() < self.loss or free - now > QUEUE_SECONDS:
            return None
        self._free[direction] = free + size / self.rate
        return self._free[direction] + self.delay

    def obey(self, command: str) -> None:
        """One line of control."""
        match command.split():
            case ["rate", mbit]:
                self.rate = float(mbit) * 1e6 / 8
            case ["delay", milliseconds]:
                self.delay = float(milliseconds) / 1e3
            case ["loss", probability]:
                self.loss = float(probability)
            case ["down" | "up" as state]:
                self.up = state == "up"
            case _:
                raise ValueError(f"unknown command {command!r}; rate, delay, loss, down and up are known")


def _open_tun(name: str) -> int:
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _configure(namespace: str, near: str, far: str) -> None:
    inside = ("netns", "exec", namespace, "ip")
    _ip("netns", "add", namespace)
    _ip("link", "set", far, "netns", namespace)
    _ip("addr", "add", HERE, "peer", THERE, "dev", near)
    _ip("link", "set", near, "up")
    _ip(*inside, "addr", "add", THERE, "peer", HERE, "dev", far)
    _ip(*inside, "link", "set", far, "up")
    _ip(*inside, "link", "set", "lo", "up")


def _packets(device: int) -> Iterator[bytes]:
    for _ in range(64):
        try:
            yield os.read(device, 65536)
        except BlockingIOError:
            return


def _deliver(device: int, packet: bytes) -> None:
    try:
        os.write(device, packet)
    except OSError:
        return  # a device that is down drops, as a cable would


def _forward(near: int, far: int) -> None:
    """Carry packets both ways until standard input ends."""
    wire = Wire(random.Random(0))
    other = {near: far, far: near}
    order = itertools.count()
    travelling: list[tuple[float, int, int, bytes]] = []
    commands = b""
    while True:
        wait = max(0.0, travelling[0][0] - time.monotonic()) if travelling else None
        readable, _, _ = select.select([near, far, 0], [], [], wait)
        now = time.monotonic()
        while travelling and travelling[0][0] <= now:
            _, _, device, packet = heapq.heappop(travelling)
            _deliver(device, packet)
        for device in (near, far):
            for packet in _packets(device) if device in readable else ():
                arrival = wire.carry(device, len(packet), now)
                if arrival is not None:
                    heapq.heappush(travelling, (arrival, next(order), other[device], packet))
        if 0 in readable:
            data = os.read(0, 4096)
            if not data:
                return
            *lines, commands = (commands + data).split(b"\n")
            for line in lines:
                wire.obey(line.decode())


def main(namespace: str) -> None:
    """The emulator's process."""
    near, far = f"{namespace[:13]}-a", f"{namespace[:13]}-b"
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the addresses are fixed: one link at a time on a machine
        devices = _open_tun(near), _open_tun(far)
        try:
            _configure(namespace, near, far)
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            _forward(*devices)
        finally:
            subprocess.run(["ip", "netns", "del", namespace], check=False, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1])
