"""A checked node file → a running node: its actors in order, its children, its ops endpoints, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import structlog

from config.check import NotInstalled, actor_class, read_options
from config.children import child_specs, reachable
from config.load import Loaded
from config.mistakes import ConfigError, Mistake
from config.places import below
from config.policies import mailbox_policy, restart_policy
from config.schema import NodeFile
from config.secret import own_token
from runtime.auth import Auth, TlsFiles, is_loopback
from runtime.errors import BrumeError
from runtime.node import Node

FREE_LOOPBACK = "tcp://127.0.0.1:0"


class CannotStart(BrumeError):
    """Something outside the node file stands in the way: a busy port, an actor that cannot start."""


@dataclass(frozen=True)
class Assembly:
    """A node file ready to run. `child_options` go to every child (`--log json`); children find the rest in theirs."""

    loaded: Loaded
    data: Path
    environment: Mapping[str, str]
    child_options: list[str] = field(default_factory=list)

    async def run(self) -> int:
        """Run the node until a signal or a failure that escalates; gives the exit code.

        Raises CannotStart or ConfigError when it does not come up; what had started has been stopped by then.
        """
        file = self.loaded.file
        try:
            self.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError([Mistake("--data", (), f"cannot be used: {_reason(error)}")]) from error
        log = structlog.get_logger("brume").bind(node=file.node.name)
        node = self._node()
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(node)
            except (OSError, ValueError) as error:
                raise CannotStart(f"node {node.name} cannot start: {_reason(error)}") from error
            await self._watch(node, stack, log)
            for name in file.actors:
                await self._spawn(node, name, log)
            await self._start_children(node, stack, log)
            log.info("node is up", addresses=node.addresses, actors=len(file.actors))
            return await node.serve()

    def _node(self) -> Node:
        section = self.loaded.file.node
        return Node(
            section.name,
            listen=self._listeners(),
            links={name: below(self.data, address) for name, address in self.loaded.file.links.items()},
            auth=node_auth(self.loaded.file, self.data),
            default_deadline=section.deadline,
            heartbeat=section.heartbeat,
            drain=section.drain,
            body_budget=int(section.body_budget),  # statistics travel as plain values
            executor_threads=section.threads,
        )

    def _listeners(self) -> list[str]:
        """The file's own, and one for children where no listener suits them: they hold no certificate."""
        file = self.loaded.file
        listeners = [below(self.data, address) for address in file.node.listen]
        if file.processes and file.auth.tls is not None:
            listeners.append(f"unix:{self.data / f'{file.node.name}.sock'}")
        elif file.processes and not listeners:
            listeners.append(FREE_LOOPBACK)
        return listeners

    async def _watch(self, node: Node, stack: AsyncExitStack, log: Any) -> None:
        """Health, dumps and the loop's watchdog, before the first actor can be slow."""
        from runtime.ops import dump
        from runtime.ops.service import NAME, NodeOps
        from runtime.ops.watchdog import Watchdog

        dump.install(node, log)
        watchdog = await stack.enter_async_context(Watchdog(log))
        node.loop_lag = watchdog.lag
        await node.spawn(NodeOps, name=NAME)
        if self.loaded.file.node.ops is None:
            return
        from runtime.ops.http import serve

        try:
            address = await stack.enter_async_context(serve(node, self.loaded.file.node.ops))
        except OSError as error:
            raise CannotStart(f"cannot listen on {self.loaded.file.node.ops}: {_reason(error)}") from error
        log.info("ops endpoints are up", url=address)

    async def _spawn(self, node: Node, name: str, log: Any) -> None:
        section = self.loaded.file.actors[name]
        try:
            cls = actor_class(section)
            options = read_options(self.loaded, name, cls, self.data, node.ref)
            await node.spawn(
                cls, options, name=name, mailbox=mailbox_policy(cls, section.mailbox),
                concurrency=section.concurrency, restart=restart_policy(section.restart), optional=section.optional,
            )  # fmt: skip
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError([self.loaded.mistake(("actors", name, "options"), str(error))]) from error
        except (NotInstalled, BrumeError, OSError, ImportError) as error:
            if not section.optional and isinstance(error, NotInstalled | ImportError):
                raise ConfigError([self.loaded.mistake(("actors", name, "type"), str(error))]) from error
            if not section.optional:
                raise CannotStart(f"actor {name} cannot start: {_reason(error)}") from error
            log.warning("optional actor cannot start, going on without", actor=name, reason=str(error))

    async def _start_children(self, node: Node, stack: AsyncExitStack, log: Any) -> None:
        file = self.loaded.file
        if not file.processes:
            return
        from runtime.process import Children

        secrets = {"BRUME_TOKEN": file.auth.token.get_secret_value()} if file.auth.token else {}
        common = ["--data", str(self.data), *self.child_options]
        if not node.auth.tokens:  # a child must not come with a token its parent does not have
            common.append("--set=auth.insecure=true")
        specs = child_specs(self.loaded, common, reachable(node.addresses[-1]), self.environment, secrets)
        for spec in specs:
            if spec.missing is not None and not spec.optional:
                raise ConfigError([self.loaded.mistake(("processes",), f"{spec.name}: {spec.missing}")])
        children = Children(specs, log, drain=file.node.drain, escalate=node.fail)
        await stack.enter_async_context(children)
        node.children = children.statistics
        node.add_readiness("children", children.readiness)
        node.on_stop(children.stop)


def node_auth(file: NodeFile, data: Path) -> Auth:
    """Whom the node trusts: what the file says, else this machine's own token where a peer can be on this machine.

    Both ends of a link have a token, or neither: under TLS alone, and when insecure, none is made up.
    """
    section = file.auth
    tls = section.tls
    files = TlsFiles(*(data / path for path in (tls.cert, tls.key, tls.ca))) if tls is not None else None
    auth = Auth(section.tokens, files, section.insecure)
    if section.tokens or section.insecure or tls is not None or not _has_local_peers(file):
        return auth
    return replace(auth, tokens=(own_token(data),))


def _has_local_peers(file: NodeFile) -> bool:
    addresses = [*file.node.listen, *file.links.values()]
    return file.tool is not None or bool(file.processes) or any(map(_is_local, addresses))


def _is_local(address: str) -> bool:
    host = address.removeprefix("tcp://").rpartition(":")[0].strip("[]")
    return not address.startswith("tcp://") or is_loopback(host)


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
