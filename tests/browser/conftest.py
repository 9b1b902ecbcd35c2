"""The system's chromium, and pages that must stay free of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.required import missing

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 20_000  # for a machine that does much else

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def chromium() -> Path:
    """Where the system's chromium is; skips where there is none."""
    if not CHROMIUM.exists():
        missing(f"no {CHROMIUM}: install the system's chromium to run the browser tests")
    return CHROMIUM


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """A chromium of its own, closed after the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of which any script error or blocked resource fails the test."""
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    expected = "Failed to load resource: the server responded"  # an answer the page shows to the user
    assert [complaint for complaint in complaints if not complaint.startswith(expected)] == []
