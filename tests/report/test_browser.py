"""The report in a real browser: drawn, searchable, deaf to scripts in the data. Skips where there is no chromium."""

import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.report.conftest import EVIL, embedded

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: apt-get install chromium)"),
]
MARGIN = 2
"""Pixels by which a page may be wider than its window before it scrolls sideways."""


@pytest.fixture(scope="module")
def chromium():
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, full_page):
    """Opens the report: (page, what the console said, what was asked of a network)."""
    contexts = []

    def open_page(scheme="light", width=1200):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page, said, asked = context.new_page(), [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(full_page.as_uri())
        page.wait_for_selector(f"html[data-drawn={scheme}]", state="attached")
        return page, said, asked

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 390)])
def test_report_draws_every_chart_without_a_word_in_the_console(opened, scheme, width):
    page, said, asked = opened(scheme, width)

    drawn = page.eval_on_selector_all(
        "[data-chart]", "all => all.map(one => one.querySelectorAll('svg .role-mark path, svg .role-mark line').length)"
    )
    assert len(drawn) == 18
    assert min(drawn) > 0
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= MARGIN


def test_report_redraws_when_the_scheme_changes(opened):
    page, said, _ = opened("light")
    label = "[data-chart=lengths] svg .role-axis-label text"
    before = page.get_attribute(label, "fill")

    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-drawn=dark]", state="attached")

    assert before == "#5d6662"
    assert page.get_attribute(label, "fill") == "#9aa5a0"
    assert said == []


def test_report_runs_no_script_of_a_sample(opened, full_page):
    page, said, _ = opened()

    page.get_by_role("searchbox").fill("window.ran")

    hostile = [row for row in embedded(full_page, "rows")["rows"] if EVIL in row["prompt"] + row["response"]]
    expect(page.locator("#list details")).to_have_count(len(hostile))
    assert hostile
    page.eval_on_selector_all("#list details", "all => all.forEach(one => { one.open = true; })")
    assert "<img src=x onerror='window.ran = 2'>" in page.locator("#list").inner_text()
    assert page.locator("img").count() == 0
    assert page.evaluate("window.ran") is None
    assert said == []


def test_report_is_searched_and_filtered_by_keyboard_alone(opened, full_page):
    page, _, _ = opened()
    row = embedded(full_page, "rows")["rows"][7]

    page.get_by_role("searchbox").focus()
    page.keyboard.type(f"{row['id']} {row['split']}")
    expect(page.get_by_role("status")).to_have_text("1 of 300 match, 1 listed")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    page.keyboard.type("rejects")
    expect(page.locator("#list details")).to_have_count(20)
    page.keyboard.press("Tab")
    page.keyboard.type("filter: prompt_too_short")
    expect(page.locator("#list details")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert "prompt_too_short" in page.locator("#list details[open]").inner_text()


def test_report_shows_more_rows_and_takes_the_focus_there(opened):
    page, _, _ = opened()

    page.get_by_role("button", name="Show 20 more").press("Enter")

    expect(page.locator("#list details")).to_have_count(40)
    assert page.evaluate("[...document.querySelectorAll('#list summary')].indexOf(document.activeElement)") == 20


def test_report_is_below_five_megabytes(full_page):
    assert full_page.stat().st_size < 5_000_000
