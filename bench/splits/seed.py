"""The way of the project Brume grew from: three parts without halos, as image files over plain sockets, in turn."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.kit.imaging.cv import cv2
from actors.kit.imaging.pipeline import parse_pipeline
from bench.calls.blocking import receive
from bench.splits import contender

LENGTH = struct.Struct("!I")
CLIENTS = 3


class Seed(contender.Contender):
    """A server that sends each client its part, waits for the answer, and goes on to the next."""

    async def open(self, pixels: int) -> None:
        self._processes, self._clients = [], []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = str(listener.getsockname()[1])
            for _ in range(CLIENTS):
                self._processes.append(_start(port))
                self._clients.append(listener.accept()[0])

    async def run(self, operator: str, picture: NDArray[Any]) -> NDArray[Any]:
        parts = []
        for client, part in zip(self._clients, np.array_split(picture, CLIENTS), strict=True):
            _send(client, operator.encode())
            _send(client, _encode(part))
            parts.append(_decode(_receive(client)))
        return np.concatenate(parts)

    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    async def close(self) -> None:
        for client in self._clients:
            client.close()
        for process in self._processes:
            process.wait()


def _start(port: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "bench.splits.seed", port])


def _encode(part: NDArray[Any]) -> bytes:
    return cv2.imencode(".png", part)[1].tobytes()


def _decode(data: bytes | bytearray) -> NDArray[Any]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return picture


def _send(peer: socket.socket, data: bytes) -> None:
    peer.sendall(LENGTH.pack(len(data)) + data)


def _receive(peer: socket.socket) -> bytearray:
    return receive(peer, LENGTH.unpack(receive(peer, LENGTH.size))[0])


def client(port: int) -> None:
    """One of the three clients, until the server hangs up."""
    cv2.setNumThreads(1)
    with socket.create_connection(("127.0.0.1", port)) as server:
        try:
            while True:
                operator = _receive(server).decode()
                _send(server, _encode(parse_pipeline(operator).apply(_decode(_receive(server)))))
        except ConnectionError:
            return


if __name__ == "__main__":
    client(int(sys.argv[1]))
