"""Log lines: their form, their trace, and what they never contain."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from runtime.deadline import trace
from runtime.ops.logging import MASK, configure

TOKEN = "correct horse battery staple"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def json_lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_has_time_level_event_and_fields() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    structlog.get_logger("brume").info("tile done", tile=3)
    (line,) = json_lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "info", "event": "tile done", "tile": 3}


def test_a_human_line_reads_without_colours_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    configure("human", stream=out)
    structlog.get_logger("brume").warning("tile late", tile=3)
    assert "tile late tile=3" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_every_line_of_a_traced_piece_of_work_carries_its_trace() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    with trace("abc123"):
        structlog.get_logger("brume").info("inside")
        logging.getLogger("some.library").warning("inside too")
    structlog.get_logger("brume").info("outside")
    assert [line.get("trace") for line in json_lines(out)] == ["abc123", "abc123", None]


def test_a_library_line_comes_out_under_the_librarys_name() -> None:
    out = io.StringIO()
    configure("json", stream=out)
    logging.getLogger("aiohttp.server").error("no %s", "luck")
    (line,) = json_lines(out)
    assert (line["event"], line["logger"], line["level"]) == ("no luck", "aiohttp.server", "error")


def test_a_warning_becomes_a_line() -> None:
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure("json", stream=out)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "old ways" in json_lines(out)[0]["event"]


def test_lines_below_the_level_do_not_appear() -> None:
    out = io.StringIO()
    configure("json", "warning", stream=out)
    structlog.get_logger("brume").info("small talk")
    logging.getLogger("some.library").info("small talk")
    assert out.getvalue() == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError):
        configure("json", "loud")


@pytest.mark.parametrize("form", ["human", "json"])
def test_no_secret_reaches_the_output(form: Any) -> None:
    out = io.StringIO()
    configure(form, secrets=[SecretStr(TOKEN)], stream=out)
    log = structlog.get_logger("brume")
    log.info("by type", value=SecretStr(TOKEN + " twisted"), nested=[{"deep": SecretStr(TOKEN + " twisted")}])
    log.info("by key", token="a-key-not-listed", auth={"tokens": ["a-key-not-listed"]})
    log.info(f"by text {TOKEN}")
    try:
        raise ValueError(f"bad token {TOKEN!r}")
    except ValueError:
        log.exception("in an exception")
    text = out.getvalue()
    assert TOKEN not in text
    assert "twisted" not in text
    assert "a-key-not-listed" not in text
    assert text.count(MASK) >= 6
    assert "bad token" in text


def test_a_reader_that_went_away_does_not_fail_the_work() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    configure("json", stream=Gone())
    structlog.get_logger("brume").info("to nobody")
