"""The network of a simulation: listeners, connections with latency and slicing, and every fault a test can ask for.

A connection is two `SimTransport`s and a `Pipe` each way. A pipe behaves like TCP between kernels: bytes arrive in
order in slices of seeded size after seeded delays, none leave while `WINDOW` or more are unread; a partition delays
them, nothing is lost. Hosts are those of `simloop`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import copy_context
from typing import Any

from tests.support.simloop import HOST, SimLoop
from tests.support.simtransport import Mark, SimSocket, SimTransport


class Pipe:
    """Bytes on their way from one transport to the other."""

    WINDOW = 128 << 10
    SLICES = (1, 13, 1460, 16 << 10, 64 << 10)

    def __init__(self, network: Network, source: SimTransport, target: SimTransport) -> None:
        self._network = network
        self._loop = network.loop
        self.source = source
        self.target = target
        self.unsent: deque[memoryview] = deque()
        self.unsent_bytes = 0
        self._travelling: deque[bytes | Mark] = deque()
        self._window = 0
        self._last_arrival = 0.0
        self._ended = False

    def push(self, data: memoryview) -> None:
        """Queue bytes at the sender; not copied before they leave, as uvloop does."""
        self.unsent.append(data)
        self.unsent_bytes += len(data)
        self.pump()

    def end(self) -> None:
        """After what is queued, the stream ends."""
        self._ended = True
        self.pump()

    def drop(self) -> None:
        """Forget what has not left yet."""
        self.unsent.clear()
        self.unsent_bytes = 0

    def consumed(self, count: int) -> None:
        """The receiver read this much: the window opens."""
        self._window -= count
        self.pump()

    def pump(self) -> None:
        """Send what the window allows."""
        while self.unsent and self._window < self.WINDOW:
            head = self.unsent.popleft()
            cut = min(len(head), self._loop.random.choice(self.SLICES))
            if cut < len(head):
                self.unsent.appendleft(head[cut:])
            self.unsent_bytes -= cut
            self._window += cut
            self.send(bytes(head[:cut]))
        if self._ended and not self.unsent:
            self._ended = False
            self.send(Mark.END)
        self.source.drained(self.unsent_bytes)

    def send(self, data: bytes | Mark) -> None:
        """Put it on the wire, behind what is there."""
        self._travelling.append(data)
        arrival = max(self._last_arrival, self._loop.time() + self._network.delay())
        self._last_arrival = arrival
        self._network.later(arrival, self.arrive)

    def arrive(self) -> None:
        """Hand over one slice, unless the way is cut off; healing calls again."""
        if self._network.partitioned(self.source.host, self.target.host):
            self._network.held.append(self)
            return
        self.target.arrived(self._travelling.popleft())


class Listener:
    """What `create_server` gives: as much of asyncio.Server as servers use."""

    def __init__(self, network: Network, key: str, protocol_factory: Any, name: Any) -> None:
        self._network = network
        self._key = key
        self.protocol_factory = protocol_factory
        self.host = HOST.get()
        self.context = copy_context()
        self.sockets = [SimSocket(name)]

    def is_serving(self) -> bool:
        return self._network.listeners.get(self._key) is self

    def close(self) -> None:
        if self.is_serving():
            del self._network.listeners[self._key]

    async def wait_closed(self) -> None:
        pass


class Network:
    """Every connection of one run. `latency` bounds the seeded delay of a slice, in virtual seconds."""

    def __init__(self, loop: SimLoop, latency: tuple[float, float] = (0.0001, 0.005)) -> None:
        self.loop = loop
        self.latency = latency
        self.listeners: dict[str, Listener] = {}
        self.transports: dict[SimTransport, None] = {}
        self.held: list[Pipe] = []
        self.killed: set[str] = set()
        self._partitions: set[frozenset[str]] = set()
        self._ports = 40000

    # faults --------------------------------------------------------------------------------------------------------

    def freeze(self, host: str) -> None:
        """As by SIGSTOP: the host does nothing; its kernel still takes bytes until its windows are full."""
        self.loop.freeze(host)

    def thaw(self, host: str) -> None:
        self.loop.thaw(host)

    def kill(self, host: str) -> None:
        """As by kill -9: the host runs no more, its listeners and connections are gone, peers see the end."""
        self.loop.freeze(host)
        self.killed.add(host)
        for listener in [each for each in self.listeners.values() if each.host == host]:
            listener.close()
        for transport in [each for each in self.transports if each.host == host]:
            transport.vanish()

    def partition(self, one: str, other: str) -> None:
        """Nothing passes between the two until `heal`; nobody is told."""
        self._partitions.add(frozenset((one, other)))

    def heal(self, one: str, other: str) -> None:
        """What was held back goes on its way."""
        self._partitions.discard(frozenset((one, other)))
        held, self.held = self.held, []
        for pipe in held:
            self.later(self.loop.time() + self.delay(), pipe.arrive)

    def cut(self, one: str, other: str) -> None:
        """Reset every connection between the two."""
        for transport in [each for each in self.transports if {each.host, each.peer.host} == {one, other}]:
            transport.reset()

    def partitioned(self, one: str, other: str) -> bool:
        return frozenset((one, other)) in self._partitions

    # what the loop and the transports call -------------------------------------------------------------------------

    def delay(self) -> float:
        return self.loop.random.uniform(*self.latency)

    def later(self, when: float, callback: Any) -> None:
        """A kernel's or a wire's event: no host's freeze holds it up."""
        context = copy_context()
        context.run(HOST.set, "")
        self.loop.call_at(when, callback, context=context)

    def listen(self, protocol_factory: Any, family: str, place: Any) -> Listener:
        if family == "tcp" and not place:
            self._ports += 1
            place = self._ports
        key = f"{family}:{place}"
        if key in self.listeners:
            raise OSError(98, f"address already in use: {key}")
        name = ("127.0.0.1", place) if family == "tcp" else place
        listener = self.listeners[key] = Listener(self, key, protocol_factory, name)
        return listener

    async def connect(self, protocol_factory: Any, key: str) -> tuple[asyncio.Transport, Any]:
        here = HOST.get()
        await asyncio.sleep(self.delay())
        listener = self._listener(key)
        while self.partitioned(here, listener.host):
            await asyncio.sleep(1.0)
            listener = self._listener(key)
        near = SimTransport(self, here, copy_context(), ("127.0.0.1", 1), listener.sockets[0].getsockname())
        far = SimTransport(self, listener.host, listener.context, listener.sockets[0].getsockname(), ("127.0.0.1", 1))
        near.join(far, Pipe(self, near, far), Pipe(self, far, near))
        far.join(near, near.incoming, near.outgoing)
        far.begin(listener.protocol_factory)
        protocol = protocol_factory()
        near.begin(lambda: protocol)
        try:
            await near.begun
        except asyncio.CancelledError:
            near.abort()
            raise
        return near, protocol

    def _listener(self, key: str) -> Listener:
        if key not in self.listeners:
            raise ConnectionRefusedError(111, f"connection refused: {key}")
        return self.listeners[key]
