"""Everything about a node that can be known before it runs: its types, their options, refs, listeners and children."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from config.children import child_overrides, first_name
from config.extras import extra_of
from config.load import Loaded, Misshapen, load, role_file
from config.mistakes import ConfigError, Mistake, did_you_mean, untold
from config.places import below, options_below
from config.schema import ActorSection, NodeFile
from config.wording import described
from runtime.actor import Actor, Options, options_type
from runtime.auth import Auth, is_loopback
from runtime.ref import Unresolved, make_ref

Resolve = Callable[[type[Any], str], Any]
SHARED = ("store", "queue")
SYSTEM_ACTOR = "node"


class NotInstalled(Exception):
    """A module of an extra is missing; the words say which and how to get it."""


def check(loaded: Loaded, data: Path, environment: Mapping[str, str]) -> None:
    """Raise ConfigError with every mistake in a node file that fits the schema; imports its types, starts nothing."""
    mistakes = [*_check_shape(loaded), *_check_listeners(loaded)]
    for name in loaded.file.actors:
        mistakes += _check_actor(loaded, name, data)
    for name in loaded.file.processes:
        mistakes += _check_process(loaded, name, data, environment)
    if mistakes:
        raise ConfigError(mistakes)


def with_deeper_mistakes(error: ConfigError, data: Path, environment: Mapping[str, str]) -> ConfigError:
    """The error with what is wrong in the sound rest of a misshapen file too, so that one look shows all."""
    if not isinstance(error, Misshapen):
        return error
    try:
        check(error.rest, data, environment)
    except ConfigError as deeper:
        new = [mistake for mistake in untold(deeper.mistakes, error.mistakes) if not _follows(mistake, error.mistakes)]
        return ConfigError([*error.mistakes, *new])
    return error


def _follows(mistake: Mistake, told: Sequence[Mistake]) -> bool:
    """Whether an option is missing only because the `store` or `queue` that fills it was wrong, and left out."""
    wrong = {each.path for each in told} & {(shared,) for shared in SHARED}
    return mistake.path[-2:-1] == ("options",) and mistake.path[-1:] in wrong


def import_name(spec: str) -> Any:
    """The thing `module:Name` stands for. Raises NotInstalled, or LookupError with what is wrong."""
    module_name, _, name = spec.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        extra = extra_of(missing)
        if extra is not None:
            raise NotInstalled(f"{missing} is not installed: uv sync --inexact --extra {extra}") from error
        raise LookupError(f"there is no module {missing!r}") from error
    except ImportError as error:
        raise LookupError(f"{module_name} cannot be imported: {error}") from error
    found = getattr(module, name, None)
    if found is None:
        public = [known for known in vars(module) if not known.startswith("_")]
        raise LookupError(f"{module_name} has no {name!r}, {did_you_mean(name, public)}")
    return found


def actor_class(section: ActorSection) -> type[Actor[Any]]:
    """The class an actor's `type` names. Raises as `import_name`."""
    found = import_name(section.type)
    if isinstance(found, type) and issubclass(found, Actor):
        return found
    raise LookupError(f"{section.type} is not an actor's class")


def read_options(loaded: Loaded, name: str, cls: type[Actor[Any]], data: Path, resolve: Resolve) -> Options:
    """The actor's options, with `store` and `queue` filled in and paths below `data`. Raises ConfigError."""
    section = loaded.file.actors[name]
    model = options_type(cls)
    given = dict(section.options)
    for shared in SHARED:
        value = getattr(loaded.file, shared)
        if shared in model.model_fields and value is not None:
            given.setdefault(shared, value)
        if isinstance(given.get(shared), str):
            given[shared] = below(data, given[shared])
    try:
        return options_below(data, model.model_validate(given, context={"resolve": resolve, "data": data}))
    except ValidationError as error:
        base = ("actors", name, "options")
        raise ConfigError(
            [loaded.mistake((*base, *path), _with_shared_hint(path, words)) for path, words in described(error, model)]
        ) from None


def _with_shared_hint(path: tuple[str | int, ...], words: str) -> str:
    if path in [(shared,) for shared in SHARED] and "missing" in words:
        return f"{words}; give it here, or `{path[0]}:` at the top of the file for all actors"
    return words


def _check_shape(loaded: Loaded) -> Iterator[Mistake]:
    file = loaded.file
    if file.tool is not None:
        for key in ("actors", "processes"):
            if getattr(file, key):
                yield loaded.mistake((key,), "a tool has none: take this out, or `tool:`")
        try:
            import_name(file.tool)
        except (LookupError, NotInstalled) as error:
            yield loaded.mistake(("tool",), str(error))
    if SYSTEM_ACTOR in file.actors:
        yield loaded.mistake(("actors", SYSTEM_ACTOR), "this name is the node's own; choose another")


def _check_listeners(loaded: Loaded) -> Iterator[Mistake]:
    section = loaded.file.auth
    written = loaded.source.data.get("auth")
    if isinstance(written, dict) and written.get("token") and not section.tokens:
        return  # a token that is no good is told where it stands
    auth = Auth(tokens=section.tokens, insecure=section.insecure)
    for address in loaded.file.node.listen:
        # under TLS the certificates decide who comes in
        if section.tls is None and (reason := auth.refuses(address)):
            yield loaded.mistake(("node", "listen"), reason)
    sites: list[tuple[tuple[str, ...], Any]] = [(("node", "ops"), loaded.file.node.ops)]
    for name, actor in loaded.file.actors.items():
        sites.append((("actors", name, "options", "listen"), actor.options.get("listen")))
    for path, address in sites:
        if not isinstance(address, str) or not address.startswith("http://") or section.tokens or section.insecure:
            continue
        if not is_loopback(urlsplit(address).hostname or ""):
            yield loaded.mistake(
                path,
                f"{address} can be reached from other machines and there is no token: "
                "set auth.token, listen on 127.0.0.1, or say auth.insecure: true",
            )


def _check_actor(loaded: Loaded, name: str, data: Path) -> Iterator[Mistake]:
    section = loaded.file.actors[name]
    path = ("actors", name, "type")
    try:
        cls = actor_class(section)
    except NotInstalled as error:
        if not section.optional:
            yield loaded.mistake(path, str(error))
        return
    except LookupError as error:
        yield loaded.mistake(path, str(error))
        return
    try:
        read_options(loaded, name, cls, data, lambda wanted, address: _checked_ref(loaded, wanted, address))
    except ConfigError as error:
        yield from error.mistakes
    yield from _check_mounts(loaded, name)


def _check_mounts(loaded: Loaded, name: str) -> Iterator[Mistake]:
    """An option `mount` maps systems to actors' addresses, which are no typed refs: any actor can be mounted."""
    mount = loaded.file.actors[name].options.get("mount")
    for system, address in mount.items() if isinstance(mount, dict) else ():
        try:
            _checked_ref(loaded, Actor, str(address))
        except ValueError as error:
            yield loaded.mistake(("actors", name, "options", "mount", system), f"{address!r}: {error}")


def _checked_ref(loaded: Loaded, wanted: type[Any], address: str) -> Any:
    """A ref that leads nowhere yet; ValueError when it could never lead anywhere."""
    link, _, actor = address.rpartition("/")
    # names as written: a section left out for its mistakes is still there to refer to
    actors, links = (loaded.source.data.get(key) or {} for key in ("actors", "links"))
    if not link:
        if actor not in actors:
            raise ValueError(f"there is no such actor here, {did_you_mean(actor, actors)}")
        _check_class(loaded.file, actor, wanted)
    elif link not in links and not loaded.file.node.listen and not loaded.file.processes:
        raise ValueError(f"there is no link {link!r}, {did_you_mean(link, links)}")
    return make_ref(wanted, Unresolved(address))


def _check_class(file: NodeFile, actor: str, wanted: type[Any]) -> None:
    try:
        found = actor_class(file.actors[actor])
    except (LookupError, NotInstalled):
        return  # told at that actor
    if not issubclass(found, wanted):
        words = f"{actor} is a {found.__name__}, wanted is a {wanted.__name__}"
        raise ValueError(words)  # noqa: TRY004 - pydantic makes mistakes of ValueErrors


def _check_process(
    loaded: Loaded, name: str, data: Path, environment: Mapping[str, str], *, above: tuple[str, ...] = ()
) -> Iterator[Mistake]:
    """The child's own node file, with what its parent sets, is checked too; its mistakes are told here."""
    section = loaded.file.processes[name]
    path = ("processes", name)
    if section.role in above:
        yield loaded.mistake((*path, "role"), f"{section.role!r} would start itself for ever")
        return
    try:
        overrides = child_overrides(section, first_name(name, section), "tcp://127.0.0.1:1")
        child = load(role_file(section.role), overrides, environment)
    except ConfigError as error:
        yield from (loaded.mistake(path, str(mistake)) for mistake in error.mistakes)
        return
    if child.file.tool is not None:
        yield loaded.mistake((*path, "role"), f"{section.role!r} is a tool; a child must be a service")
    for inner in child.file.processes:
        yield from _check_process(child, inner, data, environment, above=(*above, section.role))
    for inner in child.file.actors:
        for mistake in _check_actor(child, inner, data):
            if not section.optional:
                yield loaded.mistake(path, str(mistake))
