"""Takes the queue rows of all contenders on the same ElasticMQ and versitygw, in queues and buckets of their own."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, closing
from statistics import median, quantiles

from bench import queues
from bench.queues.client import Client
from bench.queues.contender import Place
from bench.queues.embedded import EmbeddedClient
from bench.queues.row import RATES, Load, Row
from bench.queues.sample import Bench, Work, log_of
from bench.queues.servers import serving
from bench.queues.service import Service

EMBEDDED = "brume embedded"


def run(names: list[str], load: Load) -> dict[str, Row]:
    """Measure. Raises Unavailable where the servers cannot be had."""
    with ExitStack() as held:
        places = _places(names, held)
        benches = {name: _bench(name, place, held) for name, place in places.items()}
        counts = {name: one.warm(load.seconds) for name, one in benches.items()}
        works: dict[str, list[Work]] = {name: [] for name in names}
        for repeat in range(load.repeats):
            for name in names if repeat % 2 else reversed(names):
                works[name].append(benches[name].work(counts[name]))
        latencies = _latencies(benches, load.rate_seconds)
        log = log_of(load.log_mb << 20)
        grown = {name: one.work(counts[name], log=log, limit=2 * load.seconds) for name, one in benches.items()}
    return {name: _row(works[name], grown[name], latencies[name]) for name in names}


def _places(names: list[str], held: ExitStack) -> dict[str, Place]:
    """A place for each: queues and bucket of its own, servers shared, and none started where nobody needs them."""
    endpoints = held.enter_context(serving()) if any(name != EMBEDDED for name in names) else ("", "")
    places = {}
    for number, name in enumerate(names):
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="brume-bench-"))
        queue = "lab2" if name == EMBEDDED else f"lab2-{number}"
        places[name] = Place(*endpoints, queue, f"{queue}_1", f"bench-{number}", folder)
    return places


def _bench(name: str, place: Place, held: ExitStack) -> Bench:
    client = EmbeddedClient(place) if name == EMBEDDED else Client(place)
    return Bench(held.enter_context(closing(Service(name, queues.load(name)(), place))), client)


def _latencies(benches: dict[str, Bench], seconds: float) -> dict[str, dict[int, list[float]]]:
    """Seconds from request to reply, by contender and rate; half of each measured forwards, half backwards."""
    found: dict[str, dict[int, list[float]]] = {name: {rate: [] for rate in RATES} for name in benches}
    for rate in RATES:
        for names in (list(benches), list(reversed(benches))):
            for name in names:
                if isinstance(client := benches[name].client, Client):
                    found[name][rate] += client.latencies(rate, seconds / 2)
    return found


def _row(works: list[Work], grown: Work, latencies: dict[int, list[float]]) -> Row:
    return Row(
        rate=median(work.served / work.seconds for work in works),
        requests=median((work.used.queues + work.used.stores) / work.served for work in works) or None,
        cpu=median(work.used.cpu / work.served for work in works),
        grown=grown.used.cpu / grown.served,
        latency={rate: (median(one), quantiles(one, n=20)[-1]) for rate, one in latencies.items() if one},
    )
