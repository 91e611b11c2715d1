"""The one exception that means: what was given cannot be used, and here is what to do about it; and its one line."""


class BadInput(ValueError):
    """Input that the study refuses. The message is one line: what was given, what is wanted, what to do.

    The command line prints it without a traceback and exits with 2; a notebook stops on it with that line at its end.
    """


def one_line(error):
    """An error's text without line breaks and full stop, up to 300 characters; its class's name where it has none."""
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
