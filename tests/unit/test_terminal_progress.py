"""Progress for people on stderr."""

from __future__ import annotations

import io

import pytest

from actors.kit.terminal.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_progress_is_plain_lines() -> None:
    out = io.StringIO()
    with Progress(3, "a.jpg", stream=out) as progress:
        progress.advance(1, "worker-1")
        progress.say("worker-2 left")
        progress.advance(2)
    assert out.getvalue().splitlines() == [
        "a.jpg: 1 of 3 · worker-1",
        "a.jpg: worker-2 left",
        "a.jpg: done, 3 of 3",
    ]


def test_a_long_job_does_not_flood_a_log() -> None:
    out = io.StringIO()
    with Progress(1000, "a.jpg", stream=out) as progress:
        for _ in range(1000):
            progress.advance()
    assert len(out.getvalue().splitlines()) <= 12


def test_a_job_that_breaks_off_says_how_far_it_came() -> None:
    out = io.StringIO()
    progress = Progress(None, "a.jpg", stream=out)
    progress.expect(4)
    progress.advance()
    with pytest.raises(KeyError), progress:
        raise KeyError
    assert out.getvalue().splitlines()[-1] == "a.jpg: stopped at 1 of 4"


def test_on_a_terminal_the_bar_names_the_job() -> None:
    out = Terminal()
    with Progress(2, "a [b].jpg", stream=out) as progress:
        progress.advance(2, "[worker-1]")
    assert "a [b].jpg" in out.getvalue()
