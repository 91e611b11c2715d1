"""Settings as the notation writes them behind a transform's name: BITS4, GAUSS0.5."""

import re

from jpegstudy.errors import BadInput


def refuse(name, given, wanted):
    """Raises BadInput that says what stands behind ``name``, or was given to it, and what is wanted."""
    raise BadInput(f"{name}'s setting is {given!r}; wanted {wanted}")


def whole(name, text, wanted):
    """The whole number that ``text`` is, without sign or leading zeros. Raises BadInput for other text."""
    if not re.fullmatch(r"0|[1-9][0-9]*", text):
        refuse(name, text, wanted)
    return int(text)


def decimal(name, text, wanted):
    """The number that ``text`` is, such as 20 or 0.5, as a float. Raises BadInput for other text."""
    if not re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]+)?", text):
        refuse(name, text, wanted)
    return float(text)


def written(number):
    """The shortest text that ``decimal`` reads as the number: 20 for 20.0."""
    return repr(float(number)).removesuffix(".0")
