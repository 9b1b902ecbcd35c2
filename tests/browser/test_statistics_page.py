"""The statistics page in a real browser, before a real queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.support.gateway import address
from tests.support.statistics import statistics_site

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def open_page(page: Page, client: ClientSession) -> None:
    await page.goto(f"{address(client)}/statistics")
    await expect(page.locator("#curl")).to_contain_text("/api/statistics")


async def test_numbers_are_answered_with_the_keyboard_alone(page: Page, tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _):
        await open_page(page, client)
        await page.focus("#numbers")
        await page.keyboard.type("1, 2.5 40")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_have_text("Mean 14.5, median 2.5, maximum 40, minimum 1.")
        assert await page.locator("#rows tr").all_inner_texts() == ["1, 2.5, 40\t14.5\t2.5\t40\t1"]
        await expect(page.locator("#numbers")).to_be_focused()
        await page.keyboard.type("7")
        await page.keyboard.press("Enter")
        await expect(page.locator("#rows tr")).to_have_count(2)
        await expect(page.locator("#rows tr").first).to_contain_text("7")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Write a number, or up to ten."),
        ("1 two", "“two” is not a number."),
        ("1e309", "“1e309” is too large."),
        ("-1", "negative"),
        ("1 2 3 4 5 6 7 8 9 10 11", "There are more than 10 numbers."),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(page: Page, tmp_path: Path, typed: str, words: str) -> None:
    async with statistics_site(tmp_path) as (client, _):
        await open_page(page, client)
        await page.fill("#numbers", typed)
        await page.click("#send")
        await expect(page.get_by_role("alert")).to_contain_text(words)
        await expect(page.locator("#numbers")).to_have_attribute("aria-invalid", "true")
        await page.fill("#numbers", "3")
        await page.click("#send")
        await expect(page.locator("#alert")).to_be_empty()
        await expect(page.locator("#rows tr")).to_have_count(1)


async def test_the_command_follows_the_numbers(page: Page, tmp_path: Path) -> None:
    async with statistics_site(tmp_path) as (client, _):
        await open_page(page, client)
        await page.fill("#numbers", "4 5.5")
        await expect(page.locator("#curl")).to_contain_text(f"-d '{{\"numbers\":[4,5.5]}}' {address(client)}/api")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_the_page_is_accessible_and_fits(browser: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    async with statistics_site(tmp_path) as (client, _):
        page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})  # type: ignore[arg-type]
        await open_page(page, client)
        await page.click("summary")
        for numbers in ("1.23456789012345 2 3 4 5 6 7 8 9 10", "wrong"):
            await page.fill("#numbers", numbers)
            await page.click("#send")
            await expect(page.locator("#rows tr")).to_have_count(1)
            found = await Axe().run(page, options=RULES)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
