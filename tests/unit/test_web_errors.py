"""Errors as HTTP tells them, and events as they travel."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from actors.kit.web.errors import Malformed, SiteBusy, error_response, failure_of
from actors.kit.web.sse import Event, encode
from runtime.errors import ActorFailed, DeadlineExceeded, NoSuchActor, OpFailed, Overloaded, PeerLost, Problem


class Impossible(Problem):
    """An expected error of some domain."""

    code = "impossible"
    status = 422


def told(error: Exception) -> tuple[web.Response, dict[str, str]]:
    response = error_response(failure_of(error))
    return response, json.loads(response.text or "")["error"]


def test_a_problem_is_told_whole() -> None:
    response, error = told(Impossible("no such colour", hint="try grey"))
    assert response.status == 422
    assert error == {"code": "impossible", "message": "no such colour", "hint": "try grey"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Overloaded("full"), 503, "overloaded"),
        (PeerLost("gone"), 503, "peer_lost"),
        (ActorFailed("gave up"), 503, "actor_failed"),
        (NoSuchActor("master"), 503, "no_such_actor"),
        (DeadlineExceeded("late"), 504, "deadline_exceeded"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPMethodNotAllowed("PUT", ["GET"]), 405, "method_not_allowed"),
    ],
)
def test_an_ask_that_got_no_answer_has_a_status(error: Exception, status: int, code: str) -> None:
    response, told_error = told(error)
    assert (response.status, told_error["code"]) == (status, code)


@pytest.mark.parametrize("error", [RuntimeError("password=1234"), OpFailed("password=1234"), KeyError("password=1234")])
def test_an_unexpected_error_keeps_its_words_to_the_log(error: Exception) -> None:
    response, _ = told(error)
    assert response.status == 500
    assert "1234" not in (response.text or "")


def test_waiting_helps_only_where_it_says_how_long() -> None:
    assert told(SiteBusy("full", retry_after=2.2))[0].headers["Retry-After"] == "3"
    assert told(Overloaded("full"))[0].headers["Retry-After"] == "1"
    assert "Retry-After" not in told(Malformed("what"))[0].headers


def test_an_event_travels_as_named_lines() -> None:
    assert encode(Event("tile", '{"a":1}')) == b'event: tile\ndata: {"a":1}\n\n'
    assert encode(Event("note", "two\nlines")) == b"event: note\ndata: two\ndata: lines\n\n"
