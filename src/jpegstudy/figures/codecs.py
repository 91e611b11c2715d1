"""Learned codecs: how they were trained, and what they give for their bits."""

from .style import MARKERS, PALETTE, check_nonempty, new_figure, styled

OURS = "black"


@styled
def training_curve(history, measures):
    """A panel for each of ``measures``, columns of ``history``, over its column step."""
    check_nonempty(history, "the history of training")
    figure = new_figure(2.8)
    for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        axes.plot(history["step"], history[measure], color=PALETTE[0])
        axes.set(xlabel="update", title=measure.replace("_", " "))
    return figure


@styled
def rate_distortion(curves, points, measure="psnr", label="PSNR, dB"):
    """Distortion by rate, means over images: a line for each codec of ``curves``, a mark for each of ``points``.

    curves, points: tables of learned.rates, with a column codec, and curves with setting too.
    """
    check_nonempty(points, "the table of learned.rates")
    figure = new_figure(3.8)
    axes = figure.subplots()
    for number, (name, rows) in enumerate(curves.groupby("codec", sort=False)):
        means = rows.groupby("setting")[["bits_per_pixel", measure]].mean().sort_values("bits_per_pixel")
        axes.plot(means["bits_per_pixel"], means[measure], marker=".", color=PALETTE[number], label=name)
    for number, (name, rows) in enumerate(points.groupby("codec", sort=False)):
        axes.plot(
            rows["bits_per_pixel"].mean(), rows[measure].mean(), MARKERS[number % len(MARKERS)], color=OURS, label=name
        )
    axes.set(xlabel="bits per pixel", ylabel=label, xscale="log")
    axes.legend()
    return figure
