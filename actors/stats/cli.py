"""The `stats-client` tool: sends series of numbers over the queue and prints their statistics as they come back.

Replies go to stdout (one line, or with --json one object, each), questions and reports to stderr. Exit codes: 0 done,
2 usage, 65 a series was refused, 75 replies are missing or the queue does not answer, 78 it cannot be as configured,
130 and 143 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from actors.kit.queues import open_broker
from actors.kit.terminal.pipe import drop_stdout
from actors.kit.terminal.prompt import Prompt
from actors.stats.client import Client
from actors.stats.entry import Entry, Say
from actors.stats.errors import BadSeries
from actors.stats.series import parse_body
from actors.stats.wording import fields_of, line_of, listed
from runtime.errors import Problem
from runtime.exits import SIGNALLED, Exit, exit_code

if TYPE_CHECKING:
    from actors.kit.queues.base import Broker
    from actors.stats.inbox import Arrival
    from config.tool import ToolContext


def parser() -> argparse.ArgumentParser:
    """The tool's own arguments; main's come before them."""
    made = argparse.ArgumentParser(
        prog="main.py --role stats-client",
        description="Send messages of 1 to 10 numbers and print their mean, median, maximum and minimum. "
        "Without --numbers and --file the numbers are asked for, one by one.",
        epilog="A message is numbers separated by spaces or commas, a JSON list, or JSON {\"numbers\": […]}. "
        "Main's options (--json, --data, --set queue=…) go along.",
    )  # fmt: skip
    given = made.add_mutually_exclusive_group()
    given.add_argument("--numbers", action="append", metavar='"1 2 3"', help="one message; repeatable")
    given.add_argument("--file", metavar="F", help="one message a line; - is standard input")
    made.add_argument("--timeout", type=_seconds, default=120.0, metavar="S",
        help="seconds to wait for replies once all is sent (%(default)g)")  # fmt: skip
    made.add_argument("--requests", default="lab2", metavar="NAME", help="the queue to send to (%(default)s)")
    made.add_argument("--replies", default="lab2_1", metavar="NAME", help="the queue to listen on (%(default)s)")
    return made


async def main(argv: Sequence[str], context: ToolContext) -> int:
    """Send, listen and print; gives the exit code."""
    args = parser().parse_args(argv)
    report = Report(context.json)
    try:
        broker = open_broker(context.queue or "")
    except (ValueError, ImportError) as error:
        return report.failed(Exit.BAD_CONFIG, "bad_config", str(error))
    tool = Tool(broker, args, report)
    try:
        return await tool.run()
    except Problem as error:
        return report.failed(exit_code(error), error.code, error.message, error.hint)
    except Unreadable as error:
        return report.failed(Exit.USAGE, "unreadable", str(error))
    except BrokenPipeError:
        drop_stdout()
        return Exit.DONE
    except asyncio.CancelledError:
        if not tool.signal:
            raise
        return SIGNALLED + tool.signal
    finally:
        await broker.close()


class Unreadable(Exception):
    """The file of --file cannot be read."""


class Report:
    """What the person, or the program with --json, is told."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json

    def reply(self, arrival: Arrival) -> None:
        """A reply, on stdout."""
        print(json.dumps(fields_of(arrival)) if self._json else line_of(arrival), flush=True)

    def tell(self, text: str) -> None:
        """A sentence, on stderr."""
        print(text, file=sys.stderr, flush=True)

    def failed(self, ending: Exit, code: str, message: str, hint: str = "") -> Exit:
        """Why there is no better end; gives the exit code back."""
        if self._json:
            print(json.dumps({"error": {"code": code, "message": message, "hint": hint}}), flush=True)
        else:
            self.tell(f"stats-client: {message}{f' ({hint})' if hint else ''}")
        return ending


class Tool:
    """One run; `signal` is the one that interrupted it, or 0."""

    def __init__(self, broker: Broker, args: argparse.Namespace, report: Report) -> None:
        self.signal = 0
        self._args = args
        self._report = report
        self._prompt = Prompt()
        self._client = Client(broker, args.requests, args.replies, report.reply, report.tell)

    async def run(self) -> int:
        """Everything; gives the exit code. Raises BadSeries and Unreadable before anything is sent."""
        with self._interruptible():
            series = await self._given()
            await self._client.open()
            if series is not None:
                await self._client.send_and_listen(series, self._args.timeout)
            else:
                await self._dialogue()
        return self._verdict()

    async def _given(self) -> list[tuple[float, ...]] | None:
        """The messages of --numbers or --file; None when they are to be asked for."""
        args = self._args
        if args.numbers is None and args.file is None:
            return None
        texts = args.numbers if args.numbers is not None else await self._file(args.file)
        if self.signal:
            raise asyncio.CancelledError
        return [_series(text, place) for place, text in enumerate(texts, 1) if text.strip() or args.numbers]

    async def _file(self, name: str) -> list[str]:
        if name == "-":
            return await _lines(self._prompt)
        try:
            with Path(name).open("rb") as file:  # noqa: ASYNC230 - nothing else goes on yet
                return await _lines(Prompt(file.fileno()))
        except OSError as error:
            raise Unreadable(f"{name}: {error.strerror}") from None

    async def _dialogue(self) -> None:
        entry = Entry()
        while not entry.ended:
            line = await self._prompt.line(entry.question)
            for step in entry.cut_off() if line is None else entry.line(line):
                if isinstance(step, Say):
                    self._report.tell(step.text)
                elif await self._client.send([step.numbers]):
                    self._report.tell(f"Sent: {listed(step.numbers)}")
        if self._client.sent:
            await self._client.listen(self._args.timeout)
        else:
            await self._client.look()

    def _verdict(self) -> int:
        client, code = self._client, Exit.DONE
        if client.refused:
            code = Exit.BAD_DATA
        if client.unsent:
            code = self._report.failed(Exit.TEMPORARY, "not_sent", f"{client.unsent} messages were not sent")
        if client.missing:
            when = "yet" if self.signal else f"after {self._args.timeout:g} s"
            missing = f"no reply {when} to {client.missing} of {len(client.sent)} messages"
            hint = "is the service running? main.py --role stats"
            code = self._report.failed(Exit.TEMPORARY, "replies_missing", missing, "" if self.signal else hint)
        return SIGNALLED + self.signal if self.signal else code

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first signal ends what goes on in order, a second one at once."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, partial(self._interrupt, number, task))
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _interrupt(self, number: int, task: asyncio.Task[object]) -> None:
        if self.signal:
            task.cancel()
        self.signal = number
        self._prompt.interrupt()
        self._client.leave()


def _series(text: str, place: int) -> tuple[float, ...]:
    try:
        return parse_body(text)
    except BadSeries as error:
        raise BadSeries(f"message {place}: {error.message}; nothing was sent", hint=error.hint) from None


async def _lines(prompt: Prompt) -> list[str]:
    lines = []
    while (line := await prompt.line()) is not None:
        lines.append(line)
    return lines


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds
