"""The README's numbers are the published reports'."""

import re

import pandas as pd
import pytest

from tools import readme
from tools.readme.reports import REPORTS, ROOT
from tools.readme.study import NAMES

TEXT = (ROOT / "README.md").read_text()


def test_the_results_are_what_the_reports_say():
    assert readme.written(TEXT) == TEXT


def test_links_into_the_project_lead_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_published_table_is_that_of_its_predictions(name):
    folder = REPORTS / name
    table = pd.read_csv(folder / "table1.csv").set_index("modification")
    predictions = pd.concat(map(pd.read_parquet, sorted((folder / "predictions").glob("*.parquet"))))
    predictions = predictions[predictions.reading.isna()]  # those of page 6 are of other readings
    groups = predictions.groupby("modification")
    assert set(table.index) == set(groups.groups)
    means = groups.top_label_probability.mean()
    pd.testing.assert_series_equal(
        table.mean_top_label_probability.sort_index(),
        means.astype(float),
        check_names=False,
        atol=1e-5,
        check_index_type=False,
    )


def test_the_squeezenet_report_agrees_with_a_script_written_apart():
    theirs = pd.read_csv(ROOT / "data/published/independent_squeezenet1_1.csv").set_index("modification")
    ours = pd.read_csv(REPORTS / "squeezenet1_1" / "table1.csv").set_index("modification")
    difference = ours.loc[theirs.index, theirs.columns] - theirs
    assert difference.abs().max().max() <= 0.02  # ten images of 500; they draw other permutations
