"""The reports that this repository publishes, in a browser: every figure visible and described, nothing fetched."""

import json

import pytest

from jpegstudy.places import root

pytestmark = pytest.mark.browser
REPORTS = root() / "outputs" / "report"
PICTURES = """all => all.map(image => ({
    alt: image.alt, width: image.naturalWidth, shown: image.getBoundingClientRect().width,
    visible: image.checkVisibility({opacityProperty: true, visibilityProperty: true}),
    folded: image.closest("details") !== null
}))"""


def pages():
    return sorted(path.relative_to(REPORTS).as_posix() for path in REPORTS.rglob("*.html"))


def figures_of(page):
    """How many figures the notebook behind a page has; 0 for a first page."""
    notebook = (REPORTS / page).parent / "notebooks" / f"{(REPORTS / page).stem}.ipynb"
    if not notebook.exists():
        return 0
    cells = json.loads(notebook.read_text())["cells"]
    return sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))


def test_there_are_reports():
    assert {"index.html", "demo/05_analysis.html", "photos/05_analysis.html"} <= set(pages())


@pytest.mark.parametrize("page", pages())
def test_every_figure_of_a_published_page_is_visible_and_described(open_page, page):
    opened, asked = open_page(REPORTS / page)
    assert asked == []
    pictures = opened.eval_on_selector_all("img", PICTURES)
    assert len(pictures) == figures_of(page)
    for picture in pictures:
        assert len(picture["alt"]) > 20
        assert picture["width"] > 50
        assert picture["shown"] > 50
        assert picture["visible"]
        assert not picture["folded"]
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("page", [page for page in pages() if page.endswith("05_analysis.html")])
def test_the_analysis_has_all_of_the_papers_figures(open_page, page):
    opened, _ = open_page(REPORTS / page, width=390)
    headings = opened.locator("h2").all_inner_texts()
    assert [
        name for name in ("Table 1", "Figure 2", "Figure 3", "Figure 4") if not any(name in h for h in headings)
    ] == []
    assert opened.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
