"""What was timed and counted: the bench's files in words."""

import pandas as pd

from jpegstudy import timing
from jpegstudy.bench import codecs, compressai, defenses, explore, jpeg, learned, measure, networks
from jpegstudy.bench import readings as of_readings
from tools.readme.reports import REPORTS


def exactness():
    """The README's account of ``python -m jpegstudy.jpeg.exactness``, from its file."""
    counts = pd.read_csv(REPORTS / "bench" / "exactness.csv")
    told = [
        f"{'in torch' if way == 'torch' else 'through libjpeg'} {rows.differing.sum():,} of "
        f"{rows['values'].sum():,} values"
        for way, rows in counts.groupby("way")
    ]
    return f"Differing from Pillow's: {'; '.join(reversed(told))} ({counts.versions.iloc[0]})."


def bench_jpeg():
    """The README's account of ``jpegstudy bench jpeg``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "jpeg.csv")
    batches = dict(list(times.groupby("batch")))
    lines = [
        f"| {' | '.join(['way', *(f'{n} images: wall, CPU, ms per image' for n in batches)])} "
        "| / Pillow in turn, CPU | values that differ | peak, bytes per pixel |",
        "|---|" + "---|" * (len(batches) + 3),
    ]
    for name in times.contender.unique():
        cells, ratios, peaks = [], [], []
        for rows in batches.values():
            medians = rows[rows.contender == name][["wall", "cpu"]].median()
            cells.append(f"{medians.wall:.2f}, {medians.cpu:.2f}")
            ratios.append(f"{timing.ratio(rows, name, codecs.PILLOW, 'cpu').value:.2f}")
            peak = rows[rows.contender == name].peak.iloc[0]
            peaks += [] if pd.isna(peak) else [f"{peak:.0f}"]
        own = times[times.contender == name].drop_duplicates("batch")
        differing = f"{own.differing.sum():,}" if own.differing.any() else "0"
        ending = f"{', '.join(ratios)} | {differing} of {own['values'].sum():,} | {', '.join(peaks)} |"
        lines.append(f"| {name} | {' | '.join(cells)} | {ending}")
    lines += ["", *(f"- {count} images: {line}" for count, rows in batches.items() for line in jpeg.bars(rows))]
    rounds = times["round"].nunique()
    lines += ["", f"Medians of {rounds} interleaved rounds. {times.machine.iloc[0]}. {times.versions.iloc[0]}."]
    return "\n".join(lines)


def bench():
    """The README's account of ``jpegstudy bench study`` and ``bench memory``, from their files."""
    times = pd.read_csv(REPORTS / "bench" / "study.csv")
    memory = pd.read_csv(REPORTS / "bench" / "memory.csv").sort_values("images")
    medians = times.groupby("contender", sort=False)[["wall", "cpu"]].median()
    rounds = times.pivot(index="round", columns="contender", values="wall")
    lines = [
        "| contender | wall, ms per image | CPU, ms per image | ours / it, wall (range over rounds) |",
        "|---|---|---|---|",
    ]
    for name, row in medians.iterrows():
        ours = "demo network, ours" if name.startswith("demo") else "ours"
        quotients = rounds[ours] / rounds[name]
        told = f"{medians.wall[ours] / row.wall:.2f} ({quotients.min():.2f} to {quotients.max():.2f})"
        lines.append(f"| {name} | {row.wall:.1f} | {row.cpu:.1f} | {'' if name == ours else told} |")
    few, many = memory.peak_mib.iloc[[0, -1]]
    lines += [
        "",
        f"Medians of {times['round'].nunique()} interleaved rounds; ours: {times.images.iloc[0]} images. "
        f"{times.machine.iloc[0]}. {times.versions.iloc[0]}.",
        "",
        f"Peak memory of steps 01 to 04 ({memory.network.iloc[0]}): {many:.0f} MiB for {memory.images.iloc[-1]} "
        f"images, {few:.0f} MiB for {memory.images.iloc[0]}: a ratio of {many / few:.2f}.",
    ]
    return "\n".join(lines)


def bench_explore():
    """The README's account of ``jpegstudy bench explore``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "explore.csv")
    told = [
        f"{network} {timing.spread(rows.wall)} ms, wanted at most {explore.BARS[network]}"
        for network, rows in times.groupby("network", sort=False)
    ]
    return (
        f"The sliders of the notebook explore answer in ({times.groupby('network').size().iloc[0]} moves each, median "
        f"and range): {'; '.join(told)} (`jpegstudy bench explore`; {times.machine.iloc[0].split(';')[0]})."
    )


def bench_readings():
    """The README's account of ``jpegstudy bench readings``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "readings.csv")
    ratio = timing.ratio(times, "ours", "bare")
    first = times.iloc[0]
    return (
        f"All readings and controls together take {ratio} times the bare passes in which they differ, "
        f"{measure.verdict(ratio.value, of_readings.BAR)} ({first.network}, {first.gradients} gradients and "
        f"{first.passes} more passes of each of {first.images} images, {times['round'].nunique()} rounds, wall; "
        f"`jpegstudy bench readings`; {first.machine.split(';')[0]})."
    )


def bench_defenses():
    """The README's account of ``jpegstudy bench defenses``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "defenses.csv")
    first = times.iloc[0]
    lines = [f"- {line}" for line in defenses.bars(times)]
    ending = f"Medians of {times['round'].max()} interleaved rounds (`jpegstudy bench defenses`; {first.machine}; "
    return "\n".join([*lines, "", f"{ending}{first.versions})."])


def bench_networks():
    """The README's account of ``jpegstudy bench networks``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "networks.csv")
    lines = ["| network, crop | forward: wall, CPU | gradient: wall, CPU |", "|---|---|---|"]
    names = list(dict.fromkeys(name.partition(",")[0] for name in times.contender))
    for name in names:
        parts = [times[times.contender == f"{name}, {what}"] for what in networks.PASSES]
        cells = [f"{part.wall.median():.0f}, {part.cpu.median():.0f}" for part in parts]
        lines.append(f"| {name}, {parts[0].crop.iloc[0]} | {' | '.join(cells)} |")
    first = times.iloc[0]
    lines += ["", f"Milliseconds per image, medians of {times['round'].nunique()} interleaved rounds, batches of "]
    lines[-1] += f"{first.batch_size}, random weights (`jpegstudy bench networks`; {first.machine}; {first.versions})."
    return "\n".join(lines)


def bench_learned():
    """The README's account of ``jpegstudy bench learned``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "learned.csv")
    first = times.iloc[0]
    told = (
        f"{first.side} x {first.side}, {first.batch_size} images at a time, attacks of {first.steps} steps on one; "
        f"medians of {times['round'].max()} interleaved rounds (`jpegstudy bench learned`; {first.machine}; "
        f"{first.versions})."
    )
    return "\n".join([*(f"- {line}" for line in learned.bars(times)), "", told])


def bench_compressai():
    """The README's account of ``jpegstudy bench compressai``, from its file."""
    times = pd.read_csv(REPORTS / "bench" / "compressai.csv")
    lines = [
        f"- {model}: {compressai.in_words(rows.iloc[0])}; {'; '.join(compressai.ratios(rows))}"
        for model, rows in times.groupby("model", sort=False)
    ]
    first = times.iloc[0]
    told = (
        f"Random weights of quality {first.quality}, passed on as the files that CompressAI writes; forward of eight "
        f"images, attacks of {first.steps} steps on one; medians of {times['round'].max()} interleaved rounds "
        f"(`make compressai`; {first.machine}; {first.versions})."
    )
    return "\n".join([*lines, "", told])
