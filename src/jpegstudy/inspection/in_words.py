"""What an inspection found, in words for a terminal: an aligned table, and a sentence that reads it. ASCII only."""

LONGEST_NAME = 28  # characters of a class's name in a table


def table(answers):
    """The table of ``answers.answers`` as aligned text, without a line break at its end."""
    own = _short(answers.class_name[0])
    columns = {
        "modification": list(answers.modification),
        "label": [_short(name) for name in answers.class_name],
        "p": _numbers(answers.probability),
        f"p({own})": _numbers(answers.own_probability),
        "survives": _yes_or_no(answers.survives),
    }
    if "restored" in answers:
        columns |= {"p(clean label)": _numbers(answers.clean_probability), "clean label": _yes_or_no(answers.restored)}
    widths = [max(map(len, (head, *column))) for head, column in columns.items()]
    rows = [columns, *zip(*columns.values(), strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def survival(answers):
    """One sentence: at which qualities the label of a file survives JPEG."""
    told = f"The label of {answers.modification[0]}, {answers.class_name[0]},"
    rounded = answers[answers["quality"].isna()].iloc[1:]
    if len(rounded) and not rounded.survives.item():
        return f"{told} is lost in 8 bits already: rounded, it is {rounded.class_name.item()}."
    return f"{told} survives JPEG at {_qualities(answers, answers.survives)}."


def restoration(clean, adversarial):
    """A sentence or two: whether JPEG brings the clean label back, and where JPEG alone changes that label.

    clean, adversarial: the tables of both, the second made with the first one's label as ``clean_label``.
    """
    symbol, label, wrong = adversarial.modification[0], clean.class_name[0], adversarial.class_name[0]
    if adversarial.restored[0]:
        told = f"The network sees {label} in {symbol} too: there is nothing that JPEG could bring back."
        return told + _taken(adversarial, symbol)
    rounded = adversarial[adversarial["quality"].isna()].iloc[1:]
    if len(rounded) and rounded.restored.item():
        return f"{symbol} is {wrong}, but {label} again once it is rounded to 8 bits: nothing is left for JPEG to do."
    at = _qualities(adversarial, adversarial.restored)
    told = f"{symbol} is {wrong}, not {label}; JPEG brings {label} back at {at}."
    told += _taken(clean, "the clean image")
    if adversarial.restored.any():
        told += " That holds for this perturbation; one made with JPEG in mind may well survive."
    return told


def _taken(answers, image):
    """The sentence that JPEG by itself takes an image's label, with a blank before it; empty where it does not."""
    lost = answers.quality[answers["quality"].notna() & ~answers.survives]
    return f" JPEG alone takes it from {image} at {_listed(lost)}." if len(lost) else ""


def _qualities(answers, holds):
    """In words, the qualities at which ``holds`` is true."""
    jpegs = answers["quality"].notna()
    found = answers.quality[jpegs & holds]
    if len(found) == 0:
        return f"no quality from {answers.quality.max()} to {answers.quality.min()}"
    if len(found) == jpegs.sum():
        return f"every quality from {answers.quality.max()} to {answers.quality.min()}"
    return f"quality {_listed(found)} and not at {_listed(answers.quality[jpegs & ~holds])}"


def _listed(qualities):
    *most, last = map(str, qualities)
    return f"{', '.join(most)} and {last}" if most else last


def _numbers(values):
    return [f"{value:.3f}" for value in values]


def _yes_or_no(values):
    return ["yes" if value else "no" for value in values]


def _short(name):
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
