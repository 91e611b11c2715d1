"""What the checks for hidden gradients found, as a table to read and in sentences."""

HEADS = {True: "yes: ", False: "NO: ", None: ""}


def masking_table(judged):
    """judge_masking as a table to read: a row for each check, a column for each defense, cells "yes: right 3 <= 7 ...".

    What only reports, and what was not measured, stands without yes or NO.
    """
    cells = [HEADS[row.held] + row.found for row in judged.itertuples()]
    table = judged.assign(cell=cells).pivot(index="check", columns="defense", values="cell")
    ordered = table.loc[list(dict.fromkeys(judged["check"])), list(dict.fromkeys(judged["defense"]))]
    return ordered.rename_axis(columns=None)


def masking_in_words(judged):
    """A sentence for each defense: which checks it fails, and so what its accuracy under these attacks is worth."""
    lines = []
    for defense, part in judged.groupby("defense", sort=False):
        failed = [row for row in part.itertuples() if row.held is False]
        made = sum(row.held is not None for row in part.itertuples())
        if not failed:
            lines.append(f"{defense}: all {made} checks that apply hold.")
            continue
        told = "; ".join(f"{row.check} ({row.found})" for row in failed)
        lines.append(f"{defense}: {len(failed)} of {made} checks that apply fail: {told}.")
    return lines
