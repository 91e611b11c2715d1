"""A report as a reader sees it: offline, on a screen and on a telephone."""

import pytest

from tests.small_project import executed

pytestmark = pytest.mark.browser
PAGES = ["runs/small/report/index", "runs/small/report/05_analysis", "report/index", "report/small/index"]


@pytest.fixture
def opened(open_page, tmp_path_factory):
    """``open_page`` for a page of the small project's report, by name."""
    return lambda name, width: open_page(executed(tmp_path_factory)[0] / "outputs" / f"{name}.html", width)


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
