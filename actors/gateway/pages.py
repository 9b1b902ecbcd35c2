"""The frame around every page: title, navigation, light and dark styles, and the first page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from aiohttp import web

from actors.kit.web.site import Page, Site, send_static, static_file

FOLDER = Path(__file__).parent / "page"


def mount_pages(site: Site, app: web.Application) -> None:
    """Serve every page mounted so far, and `/` which leads to them."""
    shell = Template((FOLDER / "shell.html").read_text())
    cards = "".join(_card(page) for page in site.pages)
    home = Page(
        path="/",
        title="Brume",
        summary="Everything this node does, in one place.",
        body=Template((FOLDER / "home.html").read_text()).substitute(cards=cards),
        scripts=("/static/site/home.js",),
    )
    site.files("site", FOLDER)
    for page in (home, *site.pages):
        _serve(app, page, render(shell, page, site.pages))


def render(shell: Template, page: Page, pages: Sequence[Page]) -> str:
    """The whole HTML document of one page."""
    return shell.substitute(
        title=escape(page.title if page.path == "/" else f"{page.title} · Brume"),
        summary=escape(page.summary),
        navigation="".join(_entry(other, page) for other in pages),
        styles="".join(f'<link rel="stylesheet" href="{escape(path)}">' for path in page.styles),
        scripts="".join(f'<script type="module" src="{escape(path)}"></script>' for path in page.scripts),
        body=page.body,
    )


def _serve(app: web.Application, page: Page, html: str) -> None:
    file = static_file(html.encode(), "text/html")

    async def answer(request: web.Request) -> web.StreamResponse:
        return send_static(request, file)

    app.router.add_get(page.path, answer)


def _entry(page: Page, current: Page) -> str:
    mark = ' aria-current="page"' if page is current else ""
    return f'<li><a href="{escape(page.path)}"{mark}>{escape(page.title)}</a></li>'


def _card(page: Page) -> str:
    return (
        f'<li class="card"><a href="{escape(page.path)}"><strong>{escape(page.title)}</strong>'
        f"<span>{escape(page.summary)}</span></a></li>"
    )
