"""Charts draw the numbers they are given, say what they show, and leave nothing behind."""

import base64
import io
import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from PIL import Image

from jpegstudy import figures, statistics
from jpegstudy.errors import BadInput
from jpegstudy.figures.style import PALETTE_ERROR, SETTINGS, color_of, compact, new_figure, percent_axis, transform_of

from .test_statistics import PUBLISHED, make_predictions

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 3, 20, 30), dtype=np.uint8)
NAMES = ["x", "Adv1(x)", "Adv5(x)", "Adv10(x)", "JPG(Adv1(x))"]


@pytest.fixture(scope="module")
def predictions():
    return make_predictions(80)


def rendered(figure):
    """Draw as ``show`` does, so that warnings of layout and fonts come up; the suite turns them into errors."""
    with matplotlib.rc_context(SETTINGS):
        figure.canvas.draw()
    return figure


def twice(p):
    return pd.concat([p.assign(reading="own"), p.assign(reading="other")])


def read_twice(p):
    return statistics.reading_changes(twice(p), default="own", resamples=100)


def noise_twice(p):
    effects = statistics.noise_effects(twice(p), resamples=100)
    return effects[effects.f.isin(["x", "Adv1(x)"])]


EVERY_CHART = {
    "boxes": lambda p: figures.top_label_boxes(p),
    "scatter": lambda p: figures.top_label_scatter(p),
    "bars": lambda p: figures.table1_bars(statistics.table1(p)),
    "bars beside the paper's": lambda p: figures.table1_bars(statistics.table1(p), PUBLISHED),
    "accuracy": lambda p: figures.accuracy_curves(statistics.curves(p)),
    "recovery": lambda p: figures.recovery_curves(statistics.curves(p)),
    "errors": lambda p: figures.confident_errors(statistics.confident_errors(p)),
    "strip": lambda p: figures.image_strip(IMAGES, NAMES, ["agama 0.99"] * 5),
    "probabilities": lambda p: figures.highest_probabilities(
        {name: [("agama $1", 0.9), ("a" * 60, 0.1)] for name in NAMES}
    ),
    "bands": lambda p: figures.band_heat_maps({name: np.logspace(-3, 3, 64).reshape(8, 8) for name in NAMES[:3]}),
    "readings": lambda p: figures.reading_changes(read_twice(p), NAMES[:2], "own"),
    "noise": lambda p: figures.noise_by_factor(noise_twice(p), {"own": 1.0, "other": 0.25}),
    "samples": lambda p: figures.sample_images(IMAGES, ["costs $5 and $6"] * 5),
}
TABLES = {
    "labeled": make_predictions(40),
    "unlabeled": make_predictions(40, labeled=False),
    "crops": make_predictions(40, images_per_file=4),
    "many qualities": make_predictions(40, qualities=(95, 75, 50, 25, 10)),
}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("chart", EVERY_CHART)
def test_every_chart_is_drawn_and_leaves_nothing_behind(chart, table):
    before = dict(matplotlib.rcParams)
    figure = rendered(EVERY_CHART[chart](TABLES[table]))
    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before
    assert figure.get_figwidth() <= 7.5  # 900 pixels at 120 a inch


def test_boxes_are_quartiles_with_the_mean_in_red(predictions):
    (axes,) = figures.top_label_boxes(predictions).axes
    order = list(statistics.table1(predictions)["modification"])
    assert [label.get_text() for label in axes.get_xticklabels()] == order
    assert len(axes.patches) == len(order)
    of = predictions.pivot(index="image", columns="modification", values="top_label_probability")
    for box, name in zip(axes.patches, order, strict=True):
        heights = box.get_path().vertices[:, 1]
        assert (heights.min(), heights.max()) == pytest.approx(tuple(of[name].quantile([0.25, 0.75])))
    red = sorted(line.get_ydata()[0] for line in axes.lines if line.get_color() == "#d00000")
    assert red == pytest.approx(sorted(of.mean()))


@pytest.mark.parametrize("n_epsilons", [1, 3])
def test_labels_along_the_bottom_do_not_run_into_each_other(n_epsilons):
    figure = rendered(figures.top_label_boxes(make_predictions(20, epsilons=(1, 5, 10)[:n_epsilons])))
    labels = figure.axes[0].get_xticklabels()
    if labels[0].get_rotation() == 0:
        ends = [label.get_window_extent() for label in labels]
        assert all(a.x1 < b.x0 for a, b in itertools.pairwise(ends))


def test_scatter_has_the_papers_five_panels(predictions):
    cells = figures.top_label_scatter(predictions, epsilon=5).axes
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in cells[:5]] == [
        ("x", "JPG(x)"),
        ("x", "JPG(Adv5(x))"),
        ("x", "JPGnoise(Adv5(x))"),
        ("x", "Adv5(x)"),
        ("Adv5(x)", "JPG(Adv5(x))"),
    ]
    of = predictions.pivot(index="image", columns="modification", values="top_label_probability")
    (points,) = [c for c in cells[4].collections if isinstance(c, PathCollection)]
    np.testing.assert_array_equal(points.get_offsets(), of[["Adv5(x)", "JPG(Adv5(x))"]].to_numpy())
    shares = statistics.scatter_pairs(predictions, epsilon=5)["below_share"]
    assert [axes.get_title(loc="right") for axes in cells[:5]] == [f"{share:.0%} below" for share in shares]


def test_scatter_names_what_is_missing(predictions):
    with pytest.raises(BadInput, match=r"lack Adv3\(x\)|lack JPG\(Adv3\(x\)\)"):
        figures.top_label_scatter(predictions, epsilon=3)


def test_bars_are_as_long_as_the_rates_and_the_papers_are_marked(predictions):
    table = statistics.table1(predictions)
    left, right = figures.table1_bars(table, PUBLISHED).axes
    assert [bar.get_width() for bar in left.patches] == list(table["top1"])
    assert [bar.get_width() for bar in right.patches] == list(table["mean_top_label_probability"])
    (marks,) = [line for line in left.lines if line.get_marker() == "D"]
    drawn = dict(zip(table["modification"], marks.get_xdata(), strict=True))
    assert drawn["JPG(Adv1(x))"] == 0.48
    assert np.isnan(drawn["JPG(x)"])
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first row stands on top


def test_bars_leave_out_the_papers_accuracy_where_ours_is_agreement():
    left, right = figures.table1_bars(statistics.table1(TABLES["unlabeled"]), PUBLISHED).axes
    assert not [line for line in left.lines if line.get_marker() == "D"]
    assert [line for line in right.lines if line.get_marker() == "D"]


def test_curves_pass_through_the_tables_values():
    table = statistics.curves(TABLES["many qualities"])
    left, right = figures.accuracy_curves(table).axes
    rows = table[(table["measure"] == "top1") & (table["transform"] == "JPG") & (table["epsilon"] == 5)]
    (line,) = [line for line in left.lines if line.get_label() == "ε = 5"]
    assert dict(zip(line.get_xdata(), line.get_ydata(), strict=True)) == dict(
        zip(rows["quality"], rows["value"], strict=True)
    )
    assert right.get_legend_handles_labels()[1] == [
        "no transform", "JPG95", "JPG", "JPG50", "JPG25", "JPG10", "JPGnoise",
    ]  # fmt: skip


def test_jpeg_with_other_settings_is_a_line_of_its_own():
    table = statistics.curves(TABLES["many qualities"])
    more = table[table["modification"] == "JPG(Adv5(x))"].assign(modification="JPG75-444(Adv5(x))", value=0.99)
    twice = more.assign(modification="JPG(JPG50(Adv5(x)))", value=0.98)
    left, right = figures.accuracy_curves(pd.concat([table, more, twice], ignore_index=True)).axes
    named = [line for axes in (left, right) for line in axes.get_legend_handles_labels()[0]]
    lines = {line.get_label(): list(line.get_ydata()) for line in named}
    assert lines["JPG75-444"] == [0.99]
    assert not any(0.98 in values or (0.99 in values and name != "JPG75-444") for name, values in lines.items())


def test_undefined_recovery_is_left_out_and_nothing_else_refused():
    table = statistics.curves(TABLES["labeled"])
    some = table.assign(value=table["value"].where(table["epsilon"] < 10))
    (axes,) = figures.recovery_curves(some).axes  # one quality: no panel over quality
    (line,) = [line for line in axes.lines if line.get_label() == "JPG"]
    drawn = some[(some["measure"] == "recovery") & (some["transform"] == "JPG") & some["value"].notna()]
    assert list(line.get_xdata()) == list(drawn["epsilon"])
    (said,) = rendered(figures.recovery_curves(table.assign(value=np.nan))).texts
    assert said.get_text().startswith("Recovery is undefined everywhere, on 40 images")
    with pytest.raises(BadInput, match="no rows to draw"):
        figures.recovery_curves(table[table["measure"] == "top1"])


def test_of_several_attacks_one_must_be_chosen():
    table = statistics.curves(TABLES["labeled"])
    attacked = table[table["attack"].notna()]
    both = pd.concat([table, attacked.assign(attack="PGD")], ignore_index=True)
    with pytest.raises(BadInput, match="Adv, PGD; choose one"):
        figures.accuracy_curves(both)
    assert len(rendered(figures.accuracy_curves(both, attack="PGD")).axes) == 1
    with pytest.raises(BadInput, match="no attack 'CW'"):
        figures.accuracy_curves(table, attack="CW")


def test_pictures_are_shown_as_they_are():
    torch = pytest.importorskip("torch")
    for images in (IMAGES, torch.from_numpy(IMAGES)):
        cells = figures.image_strip(images, NAMES, [f"agama {k}" for k in range(5)]).axes
        np.testing.assert_array_equal(cells[2].get_images()[0].get_array(), IMAGES[2].transpose(1, 2, 0))
        assert [axes.get_title() for axes in cells] == NAMES
        assert cells[4].get_xlabel() == "agama 4"


@pytest.mark.parametrize(
    ("images", "captions", "message"),
    [
        (IMAGES.astype(np.float32), ["a"] * 5, "give uint8"),
        (IMAGES.transpose(0, 2, 3, 1), ["a"] * 5, "give uint8"),
        (IMAGES, ["a"] * 4, "5 images have 4 texts"),
        (IMAGES[:0], [], "at least one image"),
    ],
)
def test_pictures_that_cannot_be_shown_are_refused(images, captions, message):
    with pytest.raises(BadInput, match=message):
        figures.sample_images(images, captions)


def test_transforms_keep_their_color_whatever_their_settings():
    assert [transform_of(name) for name in ("x", "Adv1(x)", "JPG50-444(x)", "JPGnoise(Adv1(x))", "PGD2{JPG75}(x)")] == [
        "", "", "JPG", "JPGnoise", "",
    ]  # fmt: skip
    assert len({color_of(name) for name in (None, "JPG", "JPGnoise")}) == 3


def test_show_gives_the_alt_text_twice_and_the_same_bytes_each_time(predictions, monkeypatch):
    shown = []
    monkeypatch.setattr("jpegstudy.figures.style.display", lambda *args, **kwargs: shown.append((args, kwargs)))
    for _ in range(2):
        figures.show(figures.top_label_boxes(predictions), alt="Boxes.")
    ((data,), kwargs), ((again,), _) = shown
    assert data == again
    assert data["text/plain"] == "Boxes." == kwargs["metadata"]["image/png"]["alt"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert kwargs["raw"]


def test_show_closes_the_figure_and_wants_words(monkeypatch):
    monkeypatch.setattr("jpegstudy.figures.style.display", lambda *args, **kwargs: None)
    with pytest.raises(ValueError, match="alt text"):
        figures.show(Figure(), alt=" ")
    figures.show(plt.figure(), alt="Nothing.")
    assert plt.get_fignums() == []


def test_a_chart_is_stored_with_a_palette_and_a_photograph_with_every_color():
    chart = io.BytesIO()
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1], [0, 1])
    figure.savefig(chart, format="png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    photograph = io.BytesIO()
    Image.fromarray(noise).save(photograph, "PNG")
    for png, mode, error in ((chart, "P", PALETTE_ERROR), (photograph, "RGB", 0)):
        stored = Image.open(io.BytesIO(compact(png)))
        whole = np.asarray(Image.open(png).convert("RGB")).astype(int)
        assert stored.mode == mode
        assert np.abs(np.asarray(stored.convert("RGB")) - whole).max() <= error
    assert len(compact(chart)) < chart.getbuffer().nbytes


def test_percent_ticks_never_read_alike():
    axes = new_figure(2).subplots()
    percent_axis(axes.xaxis, ticks=[-0.005, 0.0, 0.005, 0.01, 0.2])
    axes.figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["−0.5%", "0%", "0.5%", "1%", "20%"]
