"""What defenses save and cost, in tables to read and in sentences that follow the numbers."""

import pandas as pd

from .in_words import NAMES, rate, rate_of, verdict

PASSES = {1: "one", 2: "two"}


def rates_by_epsilon(rates):
    """defense_rates of one attack as a table to read: a row for each defense and number of passes."""
    rows = []
    for (passes, defense), part in rates.groupby(["passes", "defense"], sort=False):
        first = part.iloc[0]
        told = {"defense": _head(defense, passes), "clean": rate_of(first, "clean")}
        told |= {f"ε = {row['epsilon']:g}": rate_of(row, "defended") for _, row in part.iterrows()}
        rows.append(told)
    return pd.DataFrame(rows).fillna("").set_index("defense")


def details(rates, epsilon):
    """What the rates at one epsilon consist of: cost, what is given back, what is kept, what is destroyed."""
    part = rates[rates["epsilon"] == epsilon]
    told = {
        "defense": [_head(row.defense, row.passes) for row in part.itertuples()],
        "given back": [_signed(row, "given_back") for _, row in part.iterrows()],
        "cost on clean": [_signed(row, "cost") for _, row in part.iterrows()],
        "kept": [rate_of(row, "kept") for _, row in part.iterrows()],
        "destroyed": [rate_of(row, "destroyed") for _, row in part.iterrows()],
    }
    return pd.DataFrame(told).set_index("defense")


def best(rates, epsilon):
    """Sentences: the defense that saves most at an epsilon, with one pass and with two."""
    lines = []
    for passes, part in rates[rates["epsilon"] == epsilon].groupby("passes"):
        row = part.loc[part["defended"].idxmax()]
        lines.append(
            f"At ε = {epsilon:g}, {PASSES[passes]} pass{'es' * (passes > 1)}: most is saved by {row['defense']}, "
            f"{rate_of(row, 'defended')} where {rate_of(row, 'attacked')} are right without a defense."
        )
    return lines


def shift(rates, defense, shifted):
    """Sentences: what a grid that lies otherwise on the second pass takes from two passes, at each epsilon."""
    both = rates[(rates["passes"] == 2) & rates["defense"].isin([defense, shifted])]
    table = both.pivot(index="epsilon", columns="defense", values="defended")
    told = ", ".join(
        f"{row[shifted]:.2f} for {row[defense]:.2f} at ε = {epsilon:g}" for epsilon, row in table.iterrows()
    )
    return [f"With the second grid 4 pixels off, two passes of {defense} keep {told}."]


def chosen(rows):
    """chosen_tables in sentences."""
    lines = []
    for row in rows.itertuples():
        why = "at most a point of clean accuracy lost" if row.within else "none costs so little; the cheapest"
        passes = f"{PASSES[row.passes].capitalize()} pass{'es' * (row.passes > 1)}"
        lines.append(
            f"{passes}: FD-{row.table} is chosen ({why}); on the other half it keeps "
            f"{rate(row.defended, row.defended_low, row.defended_high)} under the attack and costs {row.cost:+.3f} on "
            f"clean images (n = {row.n})."
        )
    return lines


def where_attackers_win(rates):
    """Sentences: for each defense and attacker, the smallest epsilon at which fewer than half are still right."""
    lines = []
    for (defense, attack), part in rates.groupby(["defense", "attack"], sort=False):
        won = part[part["kept"] < 0.5]
        least = part.loc[part["kept"].idxmin()]
        told = (
            f"leaves fewer than half of the right images from ε = {won['epsilon'].min():g}"
            if len(won)
            else f"never takes half of them; least are left at ε = {least['epsilon']:g}"
        )
        low = won[won["epsilon"] == won["epsilon"].min()].iloc[0] if len(won) else least
        lines.append(f"{attack} against two passes of {defense} {told}, {rate_of(low, 'kept')} (n = {low['kept_n']}).")
    return lines


def attackers(rates):
    """defense_rates of attackers who know the defense as a table to read: what they leave, by epsilon."""
    told = [rate_of(row, "kept") for _, row in rates.iterrows()]
    heads = [f"{row.defense}, ε = {row.epsilon:g}" for row in rates.itertuples()]
    table = rates.assign(told=told, attack=rates["attack"].str.partition("{")[0], head=heads)
    columns = table.pivot(index="head", columns="attack", values="told").loc[list(dict.fromkeys(heads))]
    return columns.rename_axis(index="two passes of", columns=None)


def judged(claims):
    """judge_distillation, judge_speed, or both as a table to read."""
    return pd.DataFrame(
        {
            "the paper claims": claims["claim"],
            "the paper": claims["paper"].map(lambda value: f"{value:.2f}" if value <= 1 else f"{value:g}"),
            "measured": [rate(row.measured, row.low, row.high, row.n) for row in claims.itertuples()],
            "verdict": claims["verdict"],
        }
    ).set_index("the paper claims")


def measured_and_predicted(survivals, steps):
    """Gain and energy of survivors beside the closed forms with the perturbation's own spectrum.

    survivals: ``{modification: mechanism's Survival}``.  steps: ``{modification: (8, 8) table}``.
    """
    rows = []
    for name, survival in survivals.items():
        gain, energy = survival.predicted(steps[name])
        rows.append((name, survival.images, survival.total_gain, gain, survival.total_energy, energy))
    columns = ["what is defended", "n", "gain", "on a lattice: gain", "energy", "on a lattice: energy"]
    return pd.DataFrame(rows, columns=columns).set_index("what is defended").round(3)


def cost_in_words(rates, defense):
    """A sentence: what one pass of a defense does to clean images."""
    row = rates[(rates["defense"] == defense) & (rates["passes"] == 1)].iloc[0]
    words = {1: "rises", -1: "falls", 0: "does not change beyond its interval"}
    how, measure = words[verdict(row["cost_low"], row["cost_high"])], NAMES[row["measure"]].lower()
    return f"On clean images {measure} {how} under {defense}: {_signed(row, 'cost')} (n = {row['n']})."


def _head(defense, passes):
    return f"{defense}, {PASSES[passes]} pass{'es' * (passes > 1)}"


def _signed(row, stem):
    return f"{row[stem]:+.3f} [{row[f'{stem}_low']:+.3f}, {row[f'{stem}_high']:+.3f}]".replace("-", "−")
