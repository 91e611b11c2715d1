"""The one exception that means: what was given cannot be used, and here is what to do about it."""


class BadInput(ValueError):
    """Input that the study refuses. The message is one line: what was given, what is wanted, what to do.

    The command line prints it without a traceback and exits with 2; a notebook stops on it with that line at its end.
    """
