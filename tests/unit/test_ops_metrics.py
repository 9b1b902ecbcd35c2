"""Metrics are a rendering of snapshots: every number of them is there, under the node it belongs to."""

from __future__ import annotations

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from runtime.ops.metrics import render
from runtime.statistics import ActorStatistics, ChildStatistics, LinkStatistics, Measurement, NodeStatistics

TALLY = ActorStatistics(
    "tally", "shop:Tally", "ready", None, optional=False, mailbox=3, mailbox_bytes=4096, busy=1, handled=20, failed=2,
    dead_letters=1, restarts=4, seconds=2.5,
)  # fmt: skip
HUB = LinkStatistics("hub", "master", "ab12", "tcp://h:1", "up", None, bytes_in=10, bytes_out=11, in_flight=5)
KID = ChildStatistics("worker-1", 4711, "up", None, optional=False, restarts=6)
EDGE = NodeStatistics("edge", "cd34", "ready", (TALLY,), (HUB,), 100, 1000, (KID,), loop_lag=0.25)
EMPTY = NodeStatistics("worker-1", "ef56", "not ready", (), (), 0, 1000)


def samples(*nodes: NodeStatistics) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(render(nodes).decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            key = (sample.name, labels.pop("node", ""), *labels.values())
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def test_every_number_of_a_snapshot_is_a_sample() -> None:
    found = samples(EDGE)
    expected = {
        ("brume_ready", "edge"): 1,
        ("brume_loop_lag_seconds", "edge"): 0.25,
        ("brume_body_budget_used_bytes", "edge"): 100,
        ("brume_body_budget_limit_bytes", "edge"): 1000,
        ("brume_actor_ready", "edge", "tally"): 1,
        ("brume_actor_mailbox_messages", "edge", "tally"): 3,
        ("brume_actor_mailbox_bytes", "edge", "tally"): 4096,
        ("brume_actor_busy", "edge", "tally"): 1,
        ("brume_actor_handled_total", "edge", "tally"): 20,
        ("brume_actor_failed_total", "edge", "tally"): 2,
        ("brume_actor_dead_letters_total", "edge", "tally"): 1,
        ("brume_actor_restarts_total", "edge", "tally"): 4,
        ("brume_actor_handling_seconds_count", "edge", "tally"): 20,
        ("brume_actor_handling_seconds_sum", "edge", "tally"): 2.5,
        ("brume_link_up", "edge", "hub", "master"): 1,
        ("brume_link_received_bytes_total", "edge", "hub", "master"): 10,
        ("brume_link_sent_bytes_total", "edge", "hub", "master"): 11,
        ("brume_link_in_flight", "edge", "hub", "master"): 5,
        ("brume_child_up", "edge", "worker-1"): 1,
        ("brume_child_restarts_total", "edge", "worker-1"): 6,
    }
    assert {key: value for key, value in found.items() if key[0].startswith("brume_")} == expected


def test_what_actors_measure_themselves_is_a_sample_each_in_one_family_a_name() -> None:
    measured = (Measurement("shop_open", "1 while open", 1), Measurement("shop_sales", "sold", 7, "counter"))
    shops = [
        msgspec.structs.replace(EDGE, actors=(msgspec.structs.replace(TALLY, name=name, measurements=measured),))
        for name in ("north", "south")
    ]
    found = samples(shops[0], msgspec.structs.replace(shops[1], name="far"))
    assert found["brume_shop_open", "edge", "north"] == found["brume_shop_open", "far", "south"] == 1
    assert found["brume_shop_sales_total", "edge", "north"] == 7


def test_a_parent_shows_its_children_beside_itself() -> None:
    found = samples(EDGE, EMPTY)
    assert found["brume_ready", "edge"] == 1
    assert found["brume_ready", "worker-1"] == 0


def test_the_process_itself_is_measured() -> None:
    names = {key[0] for key in samples(EMPTY)}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names
