"""A report as a reader sees it: offline, on a screen and on a telephone."""

from pathlib import Path

import pytest

from tests.small_project import executed

sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}, Debian's package chromium"),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAGES = ["runs/small/report/index", "runs/small/report/05_analysis", "report/index", "report/small/index"]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path_factory):
    """A function that opens a page of the small project's report, offline, and lists what the page asked for."""
    contexts = []

    def open_page(name, width):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, offline=True))
        page, asked = contexts[-1].new_page(), []
        page.set_default_timeout(10_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto((executed(tmp_path_factory)[0] / "outputs" / f"{name}.html").as_uri())
        return page, [what for what in asked if not what.startswith(("file:", "data:"))]

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [1200, 390])
def test_a_page_asks_for_nothing_and_does_not_scroll_sideways(opened, name, width):
    page, asked = opened(name, width)
    assert asked == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_wide_table_scrolls_in_its_own_box(opened):
    page, _ = opened("runs/small/report/05_analysis", 390)
    assert page.locator(".wide", has=page.locator(".dataframe")).evaluate("box => box.scrollWidth > box.clientWidth")


def test_pictures_are_drawn_and_described(opened):
    page, _ = opened("runs/small/report/05_analysis", 390)
    pictures = page.eval_on_selector_all("img", "all => all.map(i => [i.alt, i.naturalWidth > 0, i.width < 390])")
    assert pictures == [['A "line" that rises & rises, <always>', True, True]]


def test_code_is_folded_and_opens(opened):
    page, _ = opened("runs/small/report/05_analysis", 1200)
    folds = page.locator("details.code")
    assert folds.count() == 5
    assert not folds.evaluate_all("all => all.some(one => one.open)")
    folds.first.locator("summary").click()
    assert folds.first.evaluate("one => one.open")
    assert folds.first.locator("pre").is_visible()
