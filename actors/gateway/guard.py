"""The door: `access` put between the server and every route, and the sign-in page."""

from __future__ import annotations

import time
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Middleware

from actors.gateway.access import COOKIE, COOKIE_SECONDS, SAFE_METHODS, SIGN_IN_PATH, Asked, Policy, local_path
from actors.kit.web.errors import Handler, SignInNeeded

SIGN_IN_FORM_BYTES = 8192
PAGE = Path(__file__).parent / "page" / "sign-in.html"


def guard(policy: Policy) -> Middleware:
    """A middleware that lets a request through, raises, or sends a person to the sign-in page."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            policy.check(_facts(request), time.time())
        except SignInNeeded:
            if request.method in SAFE_METHODS and "text/html" in request.headers.get("Accept", ""):
                raise web.HTTPSeeOther(f"{SIGN_IN_PATH}?next={quote(request.path_qs, safe='/')}") from None
            raise
        return await handler(request)

    return check


def mount_sign_in(app: web.Application, policy: Policy) -> None:
    """Routes to trade the token for a cookie, and to give the cookie back."""
    template = Template(PAGE.read_text())

    def form(target: str, problem: str, status: int) -> web.Response:
        html = template.substitute(target=escape(target), problem=escape(problem))
        return web.Response(text=html, status=status, content_type="text/html")

    async def show(request: web.Request) -> web.Response:
        return form(local_path(request.query.get("next", "/")), "", 200)

    async def sign_in(request: web.Request) -> web.Response:
        if (request.content_length or 0) > SIGN_IN_FORM_BYTES:
            raise web.HTTPRequestEntityTooLarge(SIGN_IN_FORM_BYTES, request.content_length or 0)
        fields = await request.post()
        token, target = str(fields.get("token", "")), local_path(str(fields.get("next", "/")))
        if not policy.knows(token.strip()):
            return form(target, "That is not this site's token.", 401)
        response = web.Response(status=303, headers={"Location": target})
        response.set_cookie(
            COOKIE, policy.sign(time.time()),
            max_age=COOKIE_SECONDS, httponly=True, samesite="Strict", secure=request.secure,
        )  # fmt: skip
        return response

    async def sign_out(request: web.Request) -> web.Response:
        response = web.Response(status=303, headers={"Location": SIGN_IN_PATH})
        response.del_cookie(COOKIE)
        return response

    app.router.add_get(SIGN_IN_PATH, show)
    app.router.add_post(SIGN_IN_PATH, sign_in)
    app.router.add_post("/sign-out", sign_out)


def _facts(request: web.Request) -> Asked:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Asked(request.method, request.path, headers, request.cookies.get(COOKIE))
