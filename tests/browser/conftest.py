"""Chromium, offline, for the tests that look at reports as a reader does."""

from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}, Debian's package chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """A function that opens a page, offline: the page, and what it asked for that is not in its own files."""
    contexts = []

    def open_page(path, width=1200):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, offline=True))
        page, asked = contexts[-1].new_page(), []
        page.set_default_timeout(20_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: asked.append(message.text))
        page.goto(path.as_uri())
        return page, [what for what in asked if not what.startswith(("file:", "data:"))]

    yield open_page
    for context in contexts:
        context.close()
