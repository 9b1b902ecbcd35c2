"""What a child says and how it ended, in the parent's words."""

from __future__ import annotations

import logging

from runtime.output import parse_line
from runtime.process import describe_end
from tests.support.processes import captured_log


def test_a_json_log_line_keeps_its_level_event_and_fields() -> None:
    line = '{"event": "tile done", "level": "warning", "timestamp": "2026-01-01T00:00:00Z", "tile": 3}'
    assert parse_line(line) == (logging.WARNING, "tile done", {"tile": 3})


def test_any_other_line_is_an_event_at_level_info() -> None:
    for line in ("plain words", "{broken", "[1, 2]", '{"no": "event"}', "12", "", "[" * 100_000):
        assert parse_line(line) == (logging.INFO, line, {})


def test_an_unknown_level_counts_as_info() -> None:
    assert parse_line('{"event": "x", "level": "loud"}') == (logging.INFO, "x", {})


def test_an_end_is_told_in_words() -> None:
    assert describe_end(-9) == "killed by SIGKILL"
    assert describe_end(1) == "exit code 1"
    assert describe_end(78) == "exit code 78: it refused its configuration"
    assert describe_end("no such file") == "could not be started: no such file"


def test_no_field_of_a_child_can_be_taken_for_an_argument_of_the_parents_logger() -> None:
    log, entries = captured_log()
    level, event, fields = parse_line('{"event": "x", "self": 1, "exc_info": true, "stack_info": true, "args": [1]}')
    log.log(level, event, **fields)
    assert entries == [{"event": "x", "log_level": "info", "args": [1]}]
