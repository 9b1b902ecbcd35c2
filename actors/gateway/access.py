"""Who may come in: decisions without I/O.

A site on loopback is open to the machine's user, whose browser also shows other people's pages: so the Host must be a
loopback name (a page cannot rebind its own name to us) and a write must come from a page of ours (Origin). Any other
site, and any other Host, takes the token: as a bearer, or once, for a signed cookie.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from actors.kit.web.errors import Forbidden, SignInNeeded
from runtime.auth import is_loopback

COOKIE = "brume_sign_in"
COOKIE_SECONDS = 12 * 3600
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN_PATH = "/sign-in"
STATIC_PREFIX = "/static/"
PROBE_PATHS = frozenset({"/livez", "/readyz"})  # for machines that watch the node and hold no token


@dataclass(frozen=True)
class Asked:
    """The facts of one request that the decision needs; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    cookie: str | None


@dataclass(frozen=True)
class Policy:
    """How one listener is guarded. Any of `tokens` opens it; `insecure` opens it to everyone who can reach it."""

    loopback: bool
    tokens: tuple[str, ...]
    insecure: bool = False

    def check(self, asked: Asked, now: float) -> None:
        """Return when the request may go on; raises Forbidden or SignInNeeded."""
        _check_origin(asked)
        host = asked.headers.get("host", "")
        if self.loopback and is_loopback(host_name(host)):
            return
        if asked.path == SIGN_IN_PATH or asked.path.startswith(STATIC_PREFIX) or self._has_token(asked, now):
            return
        if self.loopback:
            raise Forbidden(f"this site does not answer to the name {host!r}", hint="use http://127.0.0.1 or localhost")
        if self.insecure or asked.path in PROBE_PATHS:
            return
        raise SignInNeeded("this site needs its token", hint="Authorization: Bearer TOKEN, or /sign-in in a browser")

    def knows(self, token: str) -> bool:
        """Whether `token` is one of ours, compared in constant time."""
        return any(hmac.compare_digest(token.encode(), known.encode()) for known in self.tokens)

    def sign(self, now: float) -> str:
        """The value of a sign-in cookie that ends in 12 hours."""
        if not self.tokens:
            raise SignInNeeded("this site has no token to sign in with")
        claim = f"{int(now) + COOKIE_SECONDS}.{secrets.token_urlsafe(12)}"
        return f"{claim}.{_seal(self.tokens[0], claim)}"

    def _has_token(self, asked: Asked, now: float) -> bool:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.knows(token.strip()):
            return True
        return asked.cookie is not None and self._signed(asked.cookie, now)

    def _signed(self, cookie: str, now: float) -> bool:
        claim, _, seal = cookie.rpartition(".")
        expires = claim.partition(".")[0]
        if not (expires.isascii() and expires.isdigit() and int(expires[:12]) > now):
            return False
        return any(hmac.compare_digest(seal.encode(), _seal(token, claim).encode()) for token in self.tokens)


def host_name(host: str) -> str:
    """The name in a Host header, without its port: `[::1]:8080` gives `::1`; empty when it makes no sense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def refuses_to_start(policy: Policy) -> bool:
    """A listener that other machines reach needs a token, unless the file says insecure."""
    return not (policy.loopback or policy.tokens or policy.insecure)


def local_path(target: str) -> str:
    """Where a sign-in may lead: a path of this site, else the first page (no open redirect)."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if safe else "/"


def _check_origin(asked: Asked) -> None:
    """A write made by a browser must come from a page of this very site."""
    if asked.method in SAFE_METHODS:
        return
    origin, host = asked.headers.get("origin"), asked.headers.get("host", "")
    if origin is not None and origin.partition("://")[2] != host:  # the scheme may differ behind a TLS proxy
        raise Forbidden(f"a page of {origin} may not write here", hint="only pages of this site and tools may")
    if origin is None and asked.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Forbidden("a page of another site may not write here", hint="only pages of this site and tools may")


def _seal(token: str, claim: str) -> str:
    key = hmac.digest(token.encode(), b"brume site sign-in", hashlib.sha256)
    return hmac.new(key, claim.encode(), hashlib.sha256).hexdigest()
