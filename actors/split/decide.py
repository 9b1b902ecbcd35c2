"""Whether to split a picture: the model of its cost here and over the workers, and the sentence that says why.

Pure arithmetic on measured numbers. Remote work costs one round trip, the longest of computing, sending and receiving
(they overlap), and what cannot overlap: the first strips on their way out and the last on their way back.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from actors.split.messages import Mode

STRIPS_A_LANE = 2
LEAST_ROWS = 32
EXTRA_WORK = 1.15
MERGE = 0.002
CLEARLY = 0.85


@dataclass(frozen=True)
class Peer:
    """A worker as far as time goes. `ratio` is its one-thread speed over this machine's, `rtt` in seconds,
    `bandwidth` in bytes a second; workers of one `host` share its `host_cores`."""

    host: str
    host_cores: int
    parallel: int
    ratio: float
    rtt: float
    bandwidth: float


@dataclass(frozen=True)
class Work:
    """One picture. `here` is the estimated time to work it on this machine, `one_thread` on one thread of it
    (seconds); `whole` says why the operator needs the whole picture, and is empty if it may be split."""

    here: float
    one_thread: float
    bytes_in: int
    bytes_out: int
    whole: str = ""


@dataclass(frozen=True)
class Decision:
    """`expected` is the estimate in seconds for the way chosen; infinite where nothing was measured."""

    split: bool
    why: str
    expected: float


def decide(mode: Mode, work: Work, peers: Sequence[Peer]) -> Decision:
    """Split or not; `always` and `never` decide by themselves, `auto` splits when that is clearly faster."""
    alone = "worked by the master alone"
    if work.whole:
        return Decision(False, f"{work.whole}: {alone}", work.here)
    if mode == "never":
        return Decision(False, f"{alone}, as asked", work.here)
    if mode == "always":
        return Decision(True, f"{over(len(peers))}, as asked", float("inf"))
    if not peers:
        return Decision(False, f"no worker is there: {alone}", work.here)
    away = remote_seconds(work, peers)
    if away < CLEARLY * work.here:
        return Decision(True, f"{over(len(peers))}: about {_ms(away)} against {_ms(work.here)} here", away)
    return Decision(
        False, f"splitting does not pay (about {_ms(away)} against {_ms(work.here)} here): {alone}", work.here
    )


def over(workers: int) -> str:
    """How a picture was worked, in words."""
    return f"split over {workers} worker{'s' if workers != 1 else ''}"


def remote_seconds(work: Work, peers: Sequence[Peer]) -> float:
    """The estimate for all workers together; there must be one."""
    bandwidth = sum(peer.bandwidth for peer in peers)
    compute = work.one_thread * EXTRA_WORK / _speed(peers)
    sending, receiving = work.bytes_in / bandwidth, work.bytes_out / bandwidth
    filling = (sending + receiving) / STRIPS_A_LANE
    return max(peer.rtt for peer in peers) + max(compute, sending, receiving) + filling + MERGE


def tiles_for(height: int, peers: Sequence[Peer], asked: int = 0) -> int:
    """How many strips: two a lane (a worker's parallel tile), three where speeds differ much, none thinner than 32
    rows unless `asked` for. Few tall strips beat many thin ones; pulling evens out the rest."""
    if asked:
        return min(asked, height)
    lanes = sum(peer.parallel for peer in peers) or 1
    ratios = [peer.ratio for peer in peers] or [1.0]
    strips = STRIPS_A_LANE + (max(ratios) > 2 * min(ratios))
    return max(1, min(strips * lanes, height // LEAST_ROWS))


def _speed(peers: Sequence[Peer]) -> float:
    """Threads of this machine that the workers are worth; no host is worth more than its cores."""
    hosts: dict[str, list[Peer]] = defaultdict(list)
    for peer in peers:
        hosts[peer.host].append(peer)
    return sum(
        min(sum(p.parallel * p.ratio for p in group), group[0].host_cores * max(p.ratio for p in group))
        for group in hosts.values()
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
