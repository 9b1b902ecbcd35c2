"""Every error of the site as one JSON shape: {"error": {"code", "message", "hint"}}.

The only place that turns what the code below raises into an HTTP status. An unexpected exception is logged under its
trace and told without its own words, which may hold what a stranger should not read.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple

import structlog
from aiohttp import web

from runtime.deadline import trace
from runtime.errors import AskError, DeadlineExceeded, NoSuchOp, OpFailed, Problem, WouldDeadlock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRACE_HEADER = "X-Brume-Trace"
TRACE_KEY: web.RequestKey[str] = web.RequestKey("brume_trace", str)
DEFAULT_RETRY_SECONDS = 1.0


class Malformed(Problem):
    """The request itself is not well formed."""

    code = "malformed"
    status = 400


class SignInNeeded(Problem):
    """No token, or not a right one."""

    code = "unauthorized"
    status = 401


class Forbidden(Problem):
    """Asked from where, or under a name, that this site does not serve."""

    code = "forbidden"
    status = 403


class NotFound(Problem):
    """The thing asked for does not exist."""

    code = "not_found"
    status = 404


class BodyTooLarge(Problem):
    """More bytes than the route takes."""

    code = "body_too_large"
    status = 413


class SiteBusy(Problem):
    """The site holds as many uploads or streams as it may; later there is room again."""

    code = "site_busy"
    status = 503


class Failure(NamedTuple):
    """What the client is told; `unexpected` failures are for our log."""

    status: int
    code: str
    message: str
    hint: str = ""
    retry_after: float | None = None
    unexpected: bool = False


def failure_of(error: Exception) -> Failure:
    """How `error` looks from outside."""
    if isinstance(error, Problem):
        return Failure(error.status, error.code, error.message, error.hint, error.retry_after)
    if isinstance(error, web.HTTPException):
        return Failure(error.status, _snake(HTTPStatus(error.status).phrase), error.reason)
    if isinstance(error, OpFailed | NoSuchOp | WouldDeadlock) or not isinstance(error, AskError):
        return Failure(500, "internal", "something failed here that should not have", _LOG_HINT, unexpected=True)
    if isinstance(error, DeadlineExceeded):
        return Failure(504, "deadline_exceeded", str(error), f"executed: {error.executed}")
    return Failure(503, _snake(type(error).__name__), str(error), f"executed: {error.executed}", error.retry_after)


def error_response(failure: Failure) -> web.Response:
    """The one JSON shape, with Retry-After where waiting helps."""
    shape = {"error": {"code": failure.code, "message": failure.message, "hint": failure.hint}}
    response = web.json_response(shape, status=failure.status)
    if failure.status in (429, 503):
        seconds = failure.retry_after or DEFAULT_RETRY_SECONDS
        response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    if failure.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="brume"'
    return response


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Run the request under a trace of its own and answer whatever it raises."""
    with trace() as identity:
        request[TRACE_KEY] = identity
        try:
            return await handler(request)
        except ConnectionError:
            raise  # the client went away: nobody is there to answer
        except Exception as error:  # the boundary: whatever a route raises becomes an answer
            return _answer(request, error)


async def trace_responses(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's trace on its response; an `on_response_prepare` signal, so streams have it too."""
    add_trace(request, response)


def add_trace(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Put the trace of `request` on `response`, a new one where no handler was reached."""
    with trace(request.get(TRACE_KEY)) as identity:
        response.headers[TRACE_HEADER] = identity


def _answer(request: web.Request, error: Exception) -> web.StreamResponse:
    if isinstance(error, web.HTTPException) and error.status < HTTPStatus.BAD_REQUEST:
        raise error
    failure = failure_of(error)
    if failure.unexpected:
        _log.error("request failed", method=request.method, path=request.path, exc_info=error)
    response = error_response(failure)
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _snake(words: str) -> str:
    """`PeerLost` and `Not Found` as error codes: peer_lost, not_found."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in words.replace(" ", "")).lstrip("_")


_LOG_HINT = "the log has it under this response's X-Brume-Trace"
_log = structlog.stdlib.get_logger("web")
