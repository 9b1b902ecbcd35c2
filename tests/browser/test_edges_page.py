"""The edges page in a real browser, before real workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from aiohttp import ClientSession
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.support.gateway import address, decoded, edges_site
from tests.support.splitting import HoldingWorker, drawn, encoded

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PICTURE = drawn(240, 320, 3)
PHOTO: FilePayload = {"name": "photo.png", "mimeType": "image/png", "buffer": encoded(PICTURE).tobytes()}
GIVE_FILE = """async ([kind, name, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
    const event = kind === "paste"
        ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true})
        : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
    document.body.dispatchEvent(event);
}"""


async def open_edges(page: Page, client: ClientSession) -> None:
    await page.goto(f"{address(client)}/edges")
    await expect(page.locator("#operator")).to_have_value("canny")


async def test_a_picture_goes_out_and_comes_back_with_the_names_of_its_workers(page: Page, tmp_path: Path) -> None:
    async with edges_site() as (client, farm):
        await open_edges(page, client)
        await page.set_input_files("#file", PHOTO)
        await page.click("#run")
        await expect(page.locator("#news")).to_contain_text("Done in")
        await expect(page.locator("#after")).to_be_visible()
        owners = await page.locator("#tiles .tile span").all_inner_texts()
        assert set(owners) <= {"worker-1", "worker-2"}
        assert await page.locator("#owners li").count() == len(set(owners))
        async with page.expect_download() as download:
            await page.click("#save")
        saved = await (await download.value).path()
        result = await farm.master.latest()
    assert result is not None
    assert result.tiles == len(owners)
    assert np.array_equal(decoded(saved.read_bytes()), result.picture)
    assert (await download.value).suggested_filename == "photo-canny.png"


async def test_a_strip_changes_its_owner_before_the_eyes_when_a_worker_is_lost(page: Page) -> None:
    async with edges_site(workers=1) as (client, farm):
        held = await farm.worker("worker-2", HoldingWorker)
        await open_edges(page, client)
        await page.set_input_files("#file", PHOTO)
        await page.click("#run")
        await expect(page.locator("#owners")).to_contain_text("worker-1")
        await expect(page.locator("#after")).to_be_hidden()
        held.drain_seconds = 0.0  # it would wait for the tile it never finishes
        await held.stop()
        await expect(page.locator("#news")).to_contain_text("Done in")
        await expect(page.locator("#news")).to_contain_text("sent again")
        owners = set(await page.locator("#tiles .tile span").all_inner_texts())
        assert owners == {"worker-1", "worker-1, second try"}


async def test_before_and_after_are_compared_with_the_keyboard_alone(page: Page) -> None:
    async with edges_site(workers=0) as (client, _):
        await open_edges(page, client)
        await page.set_input_files("#file", PHOTO)
        await page.select_option("#mode", "never")
        await page.focus("#run")
        await page.keyboard.press("Enter")
        slider = page.locator("#slider")
        await expect(slider).to_be_visible()
        await slider.focus()
        await page.keyboard.press("Home")
        await expect(page.locator("#after")).to_have_css("clip-path", "inset(0px 0px 0px 0%)")
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#after")).to_have_css("clip-path", "inset(0px 0px 0px 1%)")
        await expect(slider).to_have_attribute("aria-valuetext", "1 percent before, the rest after")


@pytest.mark.parametrize("kind", ["drop", "paste"])
async def test_a_picture_can_be_given_anywhere_on_the_page(page: Page, kind: str) -> None:
    async with edges_site(workers=0) as (client, _):
        await open_edges(page, client)
        await page.evaluate(GIVE_FILE, [kind, "given.png", list(PHOTO["buffer"])])
        await expect(page.locator("#chosen")).to_contain_text("given.png")
        await expect(page.locator("#before")).to_be_visible()
        await expect(page.locator("#run")).to_be_enabled()


async def test_the_form_is_made_of_the_operators_and_the_command_follows_it(page: Page) -> None:
    async with edges_site(workers=0) as (client, _):
        await open_edges(page, client)
        low = page.get_by_label("low", exact=True)
        await expect(low).to_have_value("50")
        await low.fill("30")
        await page.check("#gray")
        await page.click("summary")
        command = page.locator("#curl")
        await expect(command).to_contain_text("operator=gray%7Ccanny:low=30&mode=always")
        await page.select_option("#operator", "invert")
        await expect(page.locator("#parameters")).to_be_hidden()
        await expect(command).to_contain_text("operator=gray%7Cinvert&")


async def test_what_is_wrong_is_said_where_it_is_announced(page: Page) -> None:
    async with edges_site(workers=0) as (client, _):
        await open_edges(page, client)
        await page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"just words"})
        await page.click("#run")
        await expect(page.get_by_role("alert")).not_to_be_empty()
        await expect(page.locator("#run")).to_be_enabled()


async def test_a_job_can_be_cancelled_and_another_begun(page: Page) -> None:
    async with edges_site(workers=0) as (client, farm):
        await farm.worker("worker-1", HoldingWorker)
        await open_edges(page, client)
        await page.click("#draw")
        await page.click("#run")
        await expect(page.locator("#news")).to_contain_text("Working")
        await page.click("#cancel")
        await expect(page.locator("#news")).to_have_text("Cancelled.")
        await page.select_option("#mode", "never")
        await page.click("#run")
        await expect(page.locator("#news")).to_contain_text("worked by the master alone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_pages_are_accessible_and_fit(browser: Browser, scheme: str, width: int) -> None:
    async with edges_site() as (client, _):
        page = await browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})  # type: ignore[arg-type]
        for path in ("/", "/sign-in", "/edges"):
            await page.goto(f"{address(client)}{path}")
            if path == "/edges":
                await page.set_input_files("#file", PHOTO)
                await page.click("summary")
                await page.click("#run")
                await expect(page.locator("#outcome")).to_be_visible()
            found = await Axe().run(page, options=RULES)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
