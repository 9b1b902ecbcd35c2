"""From parsed options to an exit code: check, show, run a service, or run a tool."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from config.assemble import Assembly, CannotStart, node_auth
from config.check import check, import_name, with_deeper_mistakes
from config.extras import missing_extras
from config.load import Loaded, load, role_file
from config.mistakes import ConfigError
from config.places import below
from config.show import as_yaml, effective, schema
from config.tool import ToolContext
from runtime.errors import BrumeError, worded
from runtime.exits import SIGNALLED, Exit, exit_code
from runtime.ops.logging import configure

# asked to stop before all was up: stopped in order
STOPPED_EARLY = (SIGNALLED + signal.SIGTERM, SIGNALLED + signal.SIGINT)


def run(own: argparse.Namespace, rest: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Do what the options say; gives the exit code, having told the reason on stderr where it is not 0."""
    try:
        return _dispatch(own, rest, parser)
    except ConfigError as error:
        found = with_deeper_mistakes(error, own.data.resolve(), dict(os.environ))
        print(found, file=sys.stdout if own.check else sys.stderr)
        return Exit.BAD_CONFIG
    except BrumeError as error:
        print(f"brume: {worded(error)}", file=sys.stderr)
        return Exit.TEMPORARY if isinstance(error, CannotStart) else exit_code(error)
    except Exception:
        structlog.get_logger("brume").exception("internal failure")
        return Exit.INTERNAL


def _dispatch(own: argparse.Namespace, rest: Sequence[str], parser: argparse.ArgumentParser) -> int:
    environment = dict(os.environ)
    data = own.data.resolve()
    if not own.role and not own.config:
        print(schema(None))
        return Exit.DONE
    loaded = load(own.config or role_file(own.role), own.set, environment)
    tool = loaded.file.tool is not None
    if own.help and not tool:
        parser.print_help()
        return Exit.DONE
    if rest and not tool:
        parser.error(f"a service takes no arguments of its own: {' '.join(rest)}")
    if own.check or own.print_config or own.schema:
        return _show(own, loaded, data, environment)
    _set_up_logs(own, loaded)
    check(loaded, data, environment)
    return _tool(own, rest, loaded, data) if tool else _service(own, loaded, data, environment)


def _show(own: argparse.Namespace, loaded: Loaded, data: Path, environment: Mapping[str, str]) -> int:
    if own.check:
        check(loaded, data, environment)
        print(f"{own.config or own.role}: ok")
    if own.print_config:
        values = effective(loaded, data, environment)
        sys.stdout.write(json.dumps(values) + "\n" if own.json else as_yaml(values))
    if own.schema:
        print(schema(loaded))
    return Exit.DONE


def _service(own: argparse.Namespace, loaded: Loaded, data: Path, environment: Mapping[str, str]) -> int:
    if missing := missing_extras(sorted(loaded.file.extras)):
        raise ConfigError([loaded.mistake(("needs",), missing)])
    if own.lifeline is not None:
        from runtime.lifeline import watch_lifeline

        watch_lifeline(own.lifeline, loaded.file.node.drain)
    child_options = ["--log", "json", "--log-level", own.log_level or "info"]
    code = _on_a_loop(Assembly(loaded, data, environment, child_options).run())
    return Exit.DONE if code in STOPPED_EARLY else code


def _tool(own: argparse.Namespace, rest: Sequence[str], loaded: Loaded, data: Path) -> int:
    if missing := missing_extras(sorted(loaded.file.extras)):
        raise ConfigError([loaded.mistake(("needs",), missing)])
    file = loaded.file
    assert file.tool is not None
    job = import_name(file.tool)
    context = ToolContext(
        data=data,
        json=own.json,
        links={name: below(data, address) for name, address in file.links.items()},
        auth=partial(node_auth, file, data),
        store=below(data, file.store) if file.store else None,
        queue=below(data, file.queue) if file.queue else None,
    )
    return _on_a_loop(job([*rest, *(["--help"] if own.help else [])], context))


def _on_a_loop(job: Coroutine[Any, Any, int]) -> int:
    """Run to the end on uvloop where it is there; SIGTERM cancels a job that has no better answer to it."""

    async def cancellable() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await job

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            return runner.run(cancellable())
        except asyncio.CancelledError:
            return SIGNALLED + signal.SIGTERM
        except KeyboardInterrupt:
            return SIGNALLED + signal.SIGINT


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _set_up_logs(own: argparse.Namespace, loaded: Loaded) -> None:
    level = own.log_level or ("warning" if loaded.file.tool is not None else "info")
    configure(own.log, level, secrets=loaded.file.auth.tokens)
