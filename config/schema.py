"""The models of a node file: what keys there are, of which type, with which defaults.

An actor's own options are not here: each actor declares its Options, and `check` validates them against its section.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
)

from config.mistakes import did_you_mean

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=128)]
Import = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Extra = Literal["core", "edge", "cloud", "inference", "spark"]


def _address(value: str) -> str:
    scheme, _, rest = value.partition(":")
    if scheme == "tcp" and rest.startswith("//"):
        host, _, port = rest[2:].rpartition(":")
        if host and port.isdecimal() and int(port) < 65536:
            return value
    if scheme in ("unix", "memory") and rest:
        return value
    raise ValueError("an address is tcp://HOST:PORT, unix:PATH or memory:NAME")


def _link_target(value: str) -> str:
    return value if value == PARENT else _address(value)


PARENT = "parent"
Address = Annotated[str, AfterValidator(_address)]
LinkTarget = Annotated[str, AfterValidator(_link_target)]
HttpAddress = Annotated[str, StringConstraints(pattern=r"^http://(\[[0-9a-fA-F:]+\]|[^/:\s]+):\d{1,5}$")]


class Section(BaseModel):
    """A map of the file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class NodeSection(Section):
    """The process itself. Times are seconds."""

    name: Name = Field("node", description="what other nodes call it; unique among the peers of a node")
    listen: tuple[Address, ...] = Field((), description="where others may link to it; one address or a list")
    ops: HttpAddress | None = Field(None, description="http://HOST:PORT for /livez, /readyz, /metrics and /actors")
    drain: float = Field(10.0, gt=0, description="how long accepted work may take to finish after a signal")
    deadline: float = Field(30.0, gt=0, description="how long an ask may take that says nothing itself")
    heartbeat: float = Field(1.0, gt=0, description="a silent peer counts as lost after three of these")
    body_budget: ByteSize = Field(ByteSize(1 << 30), description="bytes of large messages in memory at once")
    threads: int | None = Field(None, ge=1, description="threads for CPU work; unset, one a core")

    @field_validator("listen", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class TlsSection(Section):
    """PEM files for mutual TLS."""

    cert: str
    key: str
    ca: str


class AuthSection(Section):
    """Who may link. Without a token the node uses one of its own in DIR/token, for this machine only."""

    token: SecretStr | None = Field(None, description="at least 32 bytes, shared by the nodes; empty is unset")
    previous_token: SecretStr | None = Field(None, description="accepted too while a token is being replaced")
    tls: TlsSection | None = None
    insecure: bool = Field(False, description="let anybody in: listeners beyond this machine need no token")

    @field_validator("token", "previous_token")
    @classmethod
    def _long_or_unset(cls, value: SecretStr | None) -> SecretStr | None:
        secret = value.get_secret_value() if value is not None else ""
        if secret and len(secret.encode()) < 32:
            raise ValueError("a token needs at least 32 bytes; make one with `openssl rand -hex 32`")
        return value if secret else None

    @property
    def tokens(self) -> tuple[SecretStr, ...]:
        """What is set, the one to prove ourselves with first."""
        return tuple(token for token in (self.token, self.previous_token) if token is not None)


class MailboxSection(Section):
    """Replaces parts of an actor's own mailbox policy."""

    messages: int | None = Field(None, ge=1)
    bytes: ByteSize | None = Field(None, ge=1)
    full: Literal["wait", "reject", "drop_oldest"] | None = None


class RestartSection(Section):
    """When a failing actor or child is started again. Times are seconds."""

    max_restarts: int = Field(5, ge=0)
    window: float = Field(60.0, gt=0)
    backoff: float = Field(0.1, gt=0)
    backoff_max: float = Field(10.0, gt=0)
    escalate: Literal["actor", "node"] = "actor"


class ActorSection(Section):
    """One actor."""

    type: Import = Field(description="module:Class")
    options: dict[str, Any] = Field(default_factory=dict, description="what the class's Options declare")
    mailbox: MailboxSection | None = None
    concurrency: int | None = Field(None, ge=1, description="messages at a time, for actors that wait for I/O")
    restart: RestartSection | None = None
    optional: bool = Field(False, description="the node is ready without it")


class ProcessSection(Section):
    """Child nodes of this one, `count` of them, each running a role."""

    role: Name
    count: int | None = Field(None, ge=1, le=1024, description="unset, one child without a number in its name")
    links: dict[Name, LinkTarget] = Field(default_factory=dict, description="`parent` stands for this node's listener")
    set: dict[str, Any] = Field(default_factory=dict, description="passed on as --set KEY=VALUE")
    restart: RestartSection | None = None
    optional: bool = Field(False, description="the node is ready without it")


class NodeFile(Section):
    """A node file."""

    node: NodeSection = NodeSection()
    auth: AuthSection = AuthSection()
    links: dict[Name, Address] = Field(default_factory=dict, description="nodes this one dials, by the name it uses")
    store: str | None = Field(None, description="file:PATH or s3://bucket[/prefix]?endpoint_url=…&region=…")
    queue: str | None = Field(None, description="sqlite:PATH or sqs://?endpoint_url=…&region=…")
    needs: tuple[Extra, ...] = Field((), description="the extras that must be installed for this role")
    tool: Import | None = Field(None, description="module:function of a job that ends; excludes actors and processes")
    actors: dict[Name, ActorSection] = Field(default_factory=dict)
    processes: dict[Name, ProcessSection] = Field(default_factory=dict)

    @property
    def extras(self) -> set[str]:
        """What must be installed for this file: what it needs, and the cloud libraries where its URLs ask for them."""
        remote = [url for url in (self.store, self.queue) if url and url.startswith(("s3:", "sqs:"))]
        return {*self.needs, *(("cloud",) if remote else ())}

    @field_validator("store")
    @classmethod
    def _is_store(cls, value: str | None) -> str | None:
        if value is None or value.startswith("file:"):
            return value
        if value.startswith("s3://"):
            if not urlsplit(value).netloc:
                raise ValueError("this URL names no bucket: s3://bucket[/prefix]")
            return _with_known_settings(value, ("endpoint_url", "region"))
        raise ValueError("a store is file:PATH or s3://bucket[/prefix]")

    @field_validator("queue")
    @classmethod
    def _is_queue(cls, value: str | None) -> str | None:
        if value is None or value.startswith("sqlite:"):
            return value
        if value.startswith("sqs://"):
            return _with_known_settings(value, ("endpoint_url", "region", "create"))
        raise ValueError("a queue is sqlite:PATH or sqs://")


def _with_known_settings(url: str, known: tuple[str, ...]) -> str:
    """The URL, if it sets only what there is; the values are not told, one of them may be a secret."""
    for key, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if key not in known:
            raise ValueError(f"there is no setting {key!r} in this URL, {did_you_mean(key, known)}")
        if key == "create" and value not in ("", "true", "false"):
            raise ValueError("create is true or false")
        if key == "endpoint_url" and value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("endpoint_url is http://… or https://…")
    return url
