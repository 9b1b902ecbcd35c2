"""The peers of the queue bench do the same task as we do, and its table says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.kit.queues.base import Message
from actors.stats.log.records import read_line
from actors.stats.reply import answer
from bench.queues.counted import NUMBERS, Counts
from bench.queues.reply import line, reply
from bench.queues.row import Row
from bench.table import of_queues

BODY = '{"numbers": [3.25, 1, 8, 2]}'
SEED = Row(rate=50, requests=5.0, cpu=0.008, grown=0.064, latency={5: (0.010, 0.020), 20: (0.012, 0.03), 50: (0.1, 1)})


def test_peers_answer_what_we_answer() -> None:
    ours = json.loads(answer(Message("m1", BODY, {}, 0, 1, "r"), "lab2_1", ()).draft.body)
    assert json.loads(reply("m1", BODY)) | {"client": None} == ours


def test_peers_log_what_we_log() -> None:
    written = json.loads(line("m1", "1000", BODY, reply("m1", BODY)))
    assert written.keys() == {"request", "sent_at", "body", "reply"}


def test_a_row_is_shown_against_the_seeds_loop() -> None:
    ours = Row(rate=900, requests=0.31, cpu=0.0004, grown=0.0008, latency={})
    header, _, seed, brume, *_ = of_queues({"the seed's loop": SEED, "brume": ours}).splitlines()
    assert "messages/s" in header
    assert seed.split()[3:7] == ["1.0", "5.00", "1.00", "8.00"]
    assert "".join(seed.split()[7:]) == "10.0/20.012.0/30.0100.0/1000.0"
    assert brume.split() == ["brume", "18.0", "0.31", "0.05", "0.10", "–", "–", "–"]


def test_requests_are_counted_where_another_process_sees_them(tmp_path: Path) -> None:
    file = tmp_path / "counts"
    file.write_bytes(bytes(NUMBERS.size))
    sender, observer = Counts(file), Counts(file)
    sender.add(to_queues=True)
    sender.add(to_queues=True)
    sender.add(to_queues=False)
    assert observer.read() == (2, 1)


def test_a_long_log_is_one_our_merge_reads() -> None:
    sample = pytest.importorskip("bench.queues.sample", reason="boto3 is not installed")
    lines = sample.log_of(2000).splitlines(keepends=True)
    assert len({read.request for one in lines if (read := read_line(one))}) == len(lines)
