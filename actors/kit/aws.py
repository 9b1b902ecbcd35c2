"""The AWS clients of a node, one for each service and endpoint, counted and shared; and what their errors mean.

`borrow` and `give_back` are the whole of sharing: a client is made for the first borrower on an event loop and closed
when the last gives it back. `Account` is what a backend holds: it borrows, and after credentials were refused it has
the client made anew, so that renewed ones are picked up without a restart. Imported by cloud backends only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

import aiohttp
import botocore.exceptions as boto
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

Kind = Literal["throttled", "expired", "denied", "unreachable", "failed", "refused"]

DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,  # seconds
    "read_timeout": 30,  # seconds; longer than a long poll
    "max_pool_connections": 32,
    "parameter_validation": False,  # half of a call's CPU; the server checks them again
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "user_agent": "brume",  # botocore's own is put together at every call, for a tenth of its CPU
}
THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown", "OverLimit",
    "KmsThrottled", "KMS.ThrottlingException",
})  # fmt: skip
EXPIRED = frozenset({
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "InvalidToken",
    "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidSecurity",
    "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "AuthFailure", "NotSignedUp",
    "MissingAuthenticationToken", "MissingAuthenticationTokenException", "CredentialsError",
})  # fmt: skip
UNREACHABLE = (
    boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, aiohttp.ClientError, OSError, TimeoutError,
)  # fmt: skip
ERRORS = (boto.BotoCoreError, boto.ClientError, *UNREACHABLE)  # what a client raises; anything else is a bug of ours
NO_CREDENTIALS = (
    boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.TokenRetrievalError,
    boto.SSOError, boto.ProfileNotFound,
)  # fmt: skip

logging.getLogger("aiobotocore.credentials").setLevel(logging.WARNING)  # each client would announce where it looked


@cache
def _loader() -> Any:
    """The descriptions of services, read from disk once in a process: most of what a first client costs."""
    return get_session().get_component("data_loader")


def _session() -> AioSession:
    session = get_session()
    session.register_component("data_loader", _loader())
    return session


@dataclass
class _Shared:
    key: str
    client: Any
    context: Any
    users: int = 0


@dataclass
class _Shelf:
    """The clients of one event loop. A spent one is no longer lent, but its users may finish."""

    session: AioSession = field(default_factory=_session)
    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    lent: dict[str, _Shared] = field(default_factory=dict)
    spent: list[_Shared] = field(default_factory=list)
    borrowing: int = 0

    def of(self, client: Any) -> _Shared:
        return next(each for each in (*self.lent.values(), *self.spent) if each.client is client)


_shelves: WeakKeyDictionary[asyncio.AbstractEventLoop, _Shelf] = WeakKeyDictionary()


async def borrow(service: str, endpoint: str | None, region: str | None, **config: Any) -> Any:
    """The loop's client for that service, endpoint, region and config (over DEFAULTS); made if there is none.

    Give each back once. Credentials and all else come from the environment, as with every AWS tool. Connects to
    nothing. Raises what `translate` knows when there is no region or no such profile.
    """
    loop = asyncio.get_running_loop()
    shelf = _shelves.get(loop) or _shelves.setdefault(loop, _Shelf())  # a session costs more than ten calls
    settings = {**DEFAULTS, **config}
    key = repr((service, endpoint, region, sorted(settings.items())))
    shelf.borrowing += 1
    try:
        async with shelf.making:
            if key not in shelf.lent:
                shelf.lent[key] = await _made(shelf.session, key, service, endpoint, region, AioConfig(**settings))
            shelf.lent[key].users += 1
            return shelf.lent[key].client
    finally:
        shelf.borrowing -= 1


async def _made(
    session: AioSession, key: str, service: str, endpoint: str | None, region: str | None, config: AioConfig
) -> _Shared:
    await asyncio.to_thread(_read_descriptions, session, service)
    region = region or session.get_config_variable("region") or (endpoint and "us-east-1")
    context = session.create_client(service, endpoint_url=endpoint, region_name=region, config=config)
    return _Shared(key, await context.__aenter__(), context)


def _read_descriptions(session: AioSession, service: str) -> None:
    """What takes a first client its time, in a thread: the session's loader keeps what it has read."""
    loader = session.get_component("data_loader")
    for name in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model(service, name)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)


async def give_back(client: Any, *, spent: bool = False) -> None:
    """The client is not needed any more; the last to say so closes it.

    `spent`: nobody shall borrow it again. The next borrower gets a new one, which looks for credentials anew; those
    who still use this one finish undisturbed.
    """
    loop = asyncio.get_running_loop()
    shelf = _shelves[loop]
    shared = shelf.of(client)
    if spent and shelf.lent.get(shared.key) is shared:
        shelf.spent.append(shelf.lent.pop(shared.key))
        shelf.session = _session()
    shared.users -= 1
    if shared.users:
        return
    shelf.lent = {key: each for key, each in shelf.lent.items() if each is not shared}
    shelf.spent = [each for each in shelf.spent if each is not shared]
    if not shelf.lent and not shelf.spent and not shelf.borrowing:
        _shelves.pop(loop, None)
    await shared.context.__aexit__(None, None, None)


class Account:
    """One service as one backend uses it."""

    def __init__(self, service: str, endpoint: str | None, region: str | None, **config: Any) -> None:
        self._service = service
        self._where = (endpoint, region)
        self._config = config
        self._client: Any = None  # our lasting share of it; every use borrows another
        self._closed = False

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Any]:
        """The client, for a call and all that is read of its answer. Raises what the call raises."""
        client = await borrow(self._service, *self._where, **self._config)
        try:
            await self._keep(client)
            yield client
        except ERRORS as error:
            if translate(error) == "expired":
                await self._let_go(client)
            raise
        finally:
            await give_back(client)

    async def close(self) -> None:
        """Let go of the client; it closes when the last call has ended. Nothing can be called any more."""
        self._closed = True
        await self._let_go(self._client, spent=False)

    async def _keep(self, client: Any) -> None:
        if self._closed:
            raise RuntimeError("closed")
        if self._client is not client:
            kept, self._client = self._client, client
            _shelves[asyncio.get_running_loop()].of(client).users += 1
            if kept is not None:
                await give_back(kept)

    async def _let_go(self, client: Any, *, spent: bool = True) -> None:
        if client is not None and self._client is client:
            self._client = None
            await give_back(client, spent=spent)


def translate(error: BaseException) -> Kind:
    """What an error of a client means for whoever called.

    "throttled", "unreachable" and "failed" (a 5xx, or an answer nobody can read) may pass; "expired" may pass with
    other credentials and "denied" with other rights; "refused" is the server's no to this very call.
    """
    if isinstance(error, boto.ClientError):
        return _of_answer(error_code(error), int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)))
    if isinstance(error, NO_CREDENTIALS):
        return "expired"
    if isinstance(error, boto.NoRegionError):
        return "denied"
    return "unreachable" if isinstance(error, UNREACHABLE) else "failed"


def _of_answer(code: str, status: int) -> Kind:
    if code in THROTTLED or status == 429:
        return "throttled"
    if code in EXPIRED or status == 401:
        return "expired"
    if status >= 500:
        return "failed"
    return "denied" if status == 403 or code in ("AccessDenied", "AccessDeniedException") else "refused"


def error_code(error: BaseException) -> str:
    """The server's code for its refusal (`NoSuchKey`), or the name of the exception."""
    if isinstance(error, boto.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def error_words(error: BaseException) -> str:
    """What went wrong in one short line, for people: some servers answer with whole pages."""
    words = str(error)
    if isinstance(error, boto.ClientError):
        found = error.response.get("Error", {})
        words = f"{found.get('Code', 'error')}: {found.get('Message') or 'no reason given'}"
    if isinstance(error, TimeoutError):
        words = words or "no answer in time"
    return " ".join(words.split())[:300] or type(error).__name__
