"""A proxy before a queue server or an object store that knows their operations and makes them go wrong on demand.

A toxic is a function of the call and of how to forward it; the constructors below are the ones tests need. The proxy
counts every call by its operation: `SendMessageBatch` and the like for SQS, `PUT`, `GET`, … for S3.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector, web
from yarl import URL

LARGEST = 64 << 20
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"}
SENTENCES = {  # as the services word them: status, the code in SQS' JSON, the code in S3's XML
    "throttled": (400, "com.amazonaws.sqs#ThrottlingException", "SlowDown"),
    "expired": (403, "com.amazon.coral.service#ExpiredTokenException", "ExpiredToken"),
    "unavailable": (503, "com.amazon.coral.availability#ServiceUnavailableException", "ServiceUnavailable"),
    "broken": (500, "com.amazon.coral.service#InternalFailure", "InternalError"),
}


@dataclass
class Call:
    """One request on its way; `body` may be changed before it is forwarded."""

    operation: str
    request: web.Request
    body: bytes

    @property
    def sqs(self) -> bool:
        """Whether it speaks SQS' JSON, and not S3."""
        return "X-Amz-Target" in self.request.headers

    def json(self) -> dict[str, Any]:
        """The body of an SQS request."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


Forward = Callable[[], Awaitable[web.Response]]
Toxic = Callable[[Call, Forward], Awaitable[web.Response]]


@dataclass
class Hold:
    """A place where calls stop until `go` is set; `reached` is set when the first is there."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class _Dose:
    toxic: Toxic
    operation: str
    left: int | None


class ToxicProxy:
    """In front of `upstream`; clients are given `endpoint`."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.endpoint = ""
        self.calls: Counter[str] = Counter()
        self._doses: list[_Dose] = []
        self._session: ClientSession

    @contextmanager
    def toxic(self, toxic: Toxic, operation: str = "") -> Iterator[None]:
        """While the body runs, calls of `operation` (all, if empty) meet this toxic."""
        dose = _Dose(toxic, operation, None)
        self._doses.append(dose)
        try:
            yield
        finally:
            self._doses.remove(dose)

    def once(self, toxic: Toxic, operation: str = "", calls: int = 1) -> None:
        """The next `calls` calls of `operation` meet this toxic."""
        self._doses.append(_Dose(toxic, operation, calls))

    def hold(self, operation: str, *, done: bool = False) -> Hold:
        """The next call of `operation` stops here: before it is forwarded or, where `done`, before its answer."""
        hold = Hold()
        self.once(_held(hold, done), operation)
        return hold

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ToxicProxy]:
        """Listen on a free port of loopback."""
        runner = web.AppRunner(_application(self._handle), auto_decompress=False, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with ClientSession(auto_decompress=False, connector=TCPConnector(limit=0)) as self._session:
                yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        target = request.headers.get("X-Amz-Target", "")
        call = Call(target.rpartition(".")[2] or request.method, request, await request.read())
        self.calls[call.operation] += 1
        dose = next((each for each in self._doses if each.operation in ("", call.operation)), None)
        if dose is None:
            return await self._forward(call)
        if dose.left is not None:
            dose.left -= 1
            if not dose.left:
                self._doses.remove(dose)
        return await dose.toxic(call, lambda: self._forward(call))

    async def _forward(self, call: Call) -> web.Response:
        request = call.request
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP | {"content-length"}]
        url = URL(self.upstream + request.raw_path, encoded=True)
        try:
            async with self._session.request(
                request.method, url, headers=headers, allow_redirects=False,
                data=BytesIO(call.body) if call.body else None,  # bytes of a part would draw a warning
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
            ) as answer:  # fmt: skip
                return _passed_on(call, answer.status, answer.headers.items(), await answer.read())
        except (ClientError, OSError):
            return _hang_up(call)


@asynccontextmanager
async def toxic_proxy(upstream: str) -> AsyncIterator[ToxicProxy]:
    """A proxy in front of `upstream` ("http://127.0.0.1:PORT")."""
    async with ToxicProxy(upstream).serving() as proxy:
        yield proxy


def reset() -> Toxic:
    """The connection is reset, and nothing was done."""

    async def toxic(call: Call, forward: Forward) -> web.Response:
        return _hang_up(call)

    return toxic


def cut() -> Toxic:
    """It is done, and the connection is reset before the answer."""

    async def toxic(call: Call, forward: Forward) -> web.Response:
        await forward()
        return _hang_up(call)

    return toxic


def delay(seconds: float) -> Toxic:
    """It takes longer."""

    async def toxic(call: Call, forward: Forward) -> web.Response:
        await asyncio.sleep(seconds)
        return await forward()

    return toxic


def refuse(why: str) -> Toxic:
    """Nothing is done, and the service says so: throttled, expired, unavailable or broken."""
    status, code, name = SENTENCES[why]

    async def toxic(call: Call, forward: Forward) -> web.Response:
        if call.sqs:
            body = json.dumps({"__type": code, "message": f"the proxy says {why}"})
            return web.Response(status=status, text=body, content_type="application/x-amz-json-1.0")
        xml = f"<?xml version='1.0'?><Error><Code>{name}</Code><Message>the proxy says {why}</Message></Error>"
        return web.Response(status=503 if why == "throttled" else status, text=xml, content_type="application/xml")

    return toxic


def partly(fails: Callable[[int], bool]) -> Toxic:
    """Of an SQS batch, entries whose place `fails` are not done and stand in the answer's `Failed`."""

    async def toxic(call: Call, forward: Forward) -> web.Response:
        asked = call.json()
        entries = asked["Entries"]
        failed = [entry for place, entry in enumerate(entries) if fails(place)]
        asked["Entries"] = [entry for entry in entries if entry not in failed]
        answered: dict[str, Any] = {"Successful": [], "Failed": []}
        if asked["Entries"]:
            call.body = json.dumps(asked).encode()
            answered |= json.loads((await forward()).body or b"{}")  # type: ignore[arg-type]
        answered["Failed"] = [*(answered.get("Failed") or []), *map(_entry_failed, failed)]
        return web.Response(text=json.dumps(answered), content_type="application/x-amz-json-1.0")

    return toxic


def _entry_failed(entry: dict[str, Any]) -> dict[str, Any]:
    return {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError", "Message": "the proxy says so"}


def _held(hold: Hold, done: bool) -> Toxic:
    async def toxic(call: Call, forward: Forward) -> web.Response:
        answer = await forward() if done else None
        hold.reached.set()
        await hold.go.wait()
        return answer or await forward()

    return toxic


def _hang_up(call: Call) -> web.Response:
    if (transport := call.request.transport) is not None:
        transport.abort()
    return web.Response()


def _passed_on(call: Call, status: int, headers: Any, body: bytes) -> web.Response:
    kept = [(k, v) for k, v in headers if k.lower() not in HOP_BY_HOP]
    if call.request.method != "HEAD":  # there the length is that of a body that does not come
        kept = [(k, v) for k, v in kept if k.lower() != "content-length"]
    answer = web.Response(status=status, body=body)
    answer.headers.clear()
    answer.headers.extend(kept)
    return answer


def _application(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    application = web.Application(client_max_size=LARGEST)
    application.router.add_route("*", "/{path:.*}", handle)
    return application
