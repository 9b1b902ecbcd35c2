"""Log lines on stderr, for people or as JSON: time, level, event, fields, and the trace id of the work at hand.

One pipeline for ours and for libraries that use the standard `logging`. Secrets never reach the output.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal, TextIO

import structlog
from pydantic import SecretBytes, SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from runtime.deadline import current_trace

MASK: Final = "**********"
SECRET_KEYS: Final = ("token", "password", "secret", "authorization", "cookie")


def configure(
    form: Literal["human", "json"] = "human",
    level: str = "info",
    *,
    secrets: Iterable[SecretStr | str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send every log line of this process to `stream` (stderr), from `level` up, in the given form.

    Values under keys that name a secret, `SecretStr` values, and the texts in `secrets` wherever they turn up
    (exception messages included) are masked. Call it before the first node is made: loggers keep what they find.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    out = stream or sys.stderr
    hidden = [text for text in map(_plain, secrets) if text]
    structlog.configure(
        processors=[*_shared(), *_last(form, out), _Masked(hidden)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Output(out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_ToStructlog()]
    root.setLevel(max(number, logging.INFO))  # a library's debug lines are not ours to show
    logging.captureWarnings(True)


def _plain(secret: SecretStr | str) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
        redact,
    ]


def _last(form: Literal["human", "json"], out: TextIO) -> list[Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=repr)]
    plain = structlog.dev.plain_traceback
    return [
        structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain, pad_event_to=0, sort_keys=False)
    ]


def add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The trace id of the running work, where there is one and the line does not name its own."""
    trace = current_trace()
    if trace is not None:
        event.setdefault("trace", trace)
    return event


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask secrets by type, and by the name of their key, inside mappings and sequences too."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: object, value: Any) -> Any:
    if isinstance(value, SecretStr | SecretBytes):
        return MASK
    if isinstance(key, str) and key.lower().rstrip("s").endswith(SECRET_KEYS) and value:
        return MASK
    if isinstance(value, Mapping):
        return {inner: _redacted(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(None, item) for item in value]
    return value


class _Masked:
    """The last processor: known secret texts disappear from the finished line, whatever brought them there."""

    def __init__(self, hidden: list[str]) -> None:
        self._hidden = hidden

    def __call__(self, _: WrappedLogger, __: str, line: Any) -> Any:
        for text in self._hidden:
            line = line.replace(text, MASK)
        return line


class _Output:
    """Writes finished lines, each with one call; a reader that went away is no reason to fail."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: the stream is closed already
            self._out.write(line + "\n")
            self._out.flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = failure = msg


class _ToStructlog(logging.Handler):
    """Hands a library's record to our pipeline, under the library's name."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger("brume")
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info or None)
