"""Prometheus text from snapshots of nodes: nothing is counted here, so nothing is counted twice.

Every sample names its node; a parent shows its children's snapshots beside its own in one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from runtime.statistics import ActorStatistics, ChildStatistics, LinkStatistics, NodeStatistics

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Family = type[GaugeMetricFamily] | type[CounterMetricFamily]
Row = tuple[str, str, Family, Callable[[Any], float]]

NODE: Final[Sequence[Row]] = (
    ("ready", "1 when every actor that is not optional is ready", GaugeMetricFamily, lambda n: n.state == "ready"),
    ("loop_lag_seconds", "the latest the event loop ran a timer lately", GaugeMetricFamily, lambda n: n.loop_lag),
    ("body_budget_used_bytes", "large bodies in memory", GaugeMetricFamily, lambda n: n.budget_used),
    ("body_budget_limit_bytes", "what large bodies may take", GaugeMetricFamily, lambda n: n.budget_limit),
)
ACTOR: Final[Sequence[Row]] = (
    ("actor_ready", "1 when the actor can do its work", GaugeMetricFamily, lambda a: a.state == "ready"),
    ("actor_mailbox_messages", "messages waiting", GaugeMetricFamily, lambda a: a.mailbox),
    ("actor_mailbox_bytes", "bytes of bodies waiting", GaugeMetricFamily, lambda a: a.mailbox_bytes),
    ("actor_busy", "messages being handled", GaugeMetricFamily, lambda a: a.busy),
    ("actor_handled", "messages handled, in whatever they ended", CounterMetricFamily, lambda a: a.handled),
    ("actor_failed", "messages whose handler raised", CounterMetricFamily, lambda a: a.failed),
    ("actor_dead_letters", "told messages whose handler raised", CounterMetricFamily, lambda a: a.dead_letters),
    ("actor_restarts", "restarts by the supervisor", CounterMetricFamily, lambda a: a.restarts),
)
LINK: Final[Sequence[Row]] = (
    ("link_up", "1 while the link is up", GaugeMetricFamily, lambda link: link.state == "up"),
    ("link_received_bytes", "bytes received", CounterMetricFamily, lambda link: link.bytes_in),
    ("link_sent_bytes", "bytes sent", CounterMetricFamily, lambda link: link.bytes_out),
    ("link_in_flight", "asks under way", GaugeMetricFamily, lambda link: link.in_flight),
)
CHILD: Final[Sequence[Row]] = (
    ("child_up", "1 while the child process runs", GaugeMetricFamily, lambda c: c.state == "up"),
    ("child_restarts", "restarts of the child process", CounterMetricFamily, lambda c: c.restarts),
)


def render(nodes: Sequence[NodeStatistics]) -> bytes:
    """The text of /metrics: all of `nodes`, and this process's own CPU, memory and descriptors."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Snapshots(nodes))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class Snapshots(Collector):
    """A collector over snapshots already taken."""

    def __init__(self, nodes: Sequence[NodeStatistics]) -> None:
        self._nodes = nodes

    def collect(self) -> Iterator[Metric]:
        """Every family once, with a sample a node, actor, link or child."""
        yield from _families(NODE, [], (((node.name,), node) for node in self._nodes))
        yield from _families(ACTOR, ["actor"], self._parts(lambda node: node.actors, _actor))
        yield self._latency()
        yield from self._measured()
        yield from _families(LINK, ["link", "peer"], self._parts(lambda node: node.links, _link))
        yield from _families(CHILD, ["child"], self._parts(lambda node: node.children, _child))

    def _latency(self) -> Metric:
        seconds = SummaryMetricFamily(
            "brume_actor_handling_seconds", "time in handlers and messages handled", labels=["node", "actor"]
        )
        for labels, actor in self._parts(lambda node: node.actors, _actor):
            seconds.add_metric(labels, count_value=actor.handled, sum_value=actor.seconds)
        return seconds

    def _measured(self) -> Iterator[Metric]:
        """What actors measure themselves; one family for all actors that show the same name."""
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for labels, actor in self._parts(lambda node: node.actors, _actor):
            for shown in actor.measurements:
                family = CounterMetricFamily if shown.kind == "counter" else GaugeMetricFamily
                name = f"brume_{shown.name}"
                metric = families.setdefault(name, family(name, shown.words, labels=["node", "actor"]))
                metric.add_metric(labels, shown.value)
        yield from families.values()

    def _parts(
        self, parts: Callable[[NodeStatistics], Iterable[Any]], labels: Callable[[Any], tuple[str, ...]]
    ) -> Iterator[tuple[tuple[str, ...], Any]]:
        for node in self._nodes:
            for part in parts(node):
                yield (node.name, *labels(part)), part


def _actor(actor: ActorStatistics) -> tuple[str, ...]:
    return (actor.name,)


def _link(link: LinkStatistics) -> tuple[str, ...]:
    return link.link, link.peer or ""


def _child(child: ChildStatistics) -> tuple[str, ...]:
    return (child.name,)


def _families(
    rows: Sequence[Row], labels: Sequence[str], parts: Iterable[tuple[tuple[str, ...], Any]]
) -> Iterator[Metric]:
    known = list(parts)
    for name, words, family, value in rows:
        metric = family(f"brume_{name}", words, labels=["node", *labels])
        for values, part in known:
            metric.add_metric(values, float(value(part)))
        yield metric
