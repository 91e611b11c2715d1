"""Progress bars that a finished notebook shows no trace of.

Where a bar is drawn depends on who watches: the terminal behind ``jpegstudy run`` (the driver names it in the
environment, because a kernel has no terminal of its own), the cell of a notebook open in JupyterLab, or standard error.
A terminal that cannot be opened, or is closed while the work goes on, costs the bar and nothing else.
"""

import contextlib
import html
import os
import sys

from tqdm import tqdm

TERMINAL = "JPEGSTUDY_TTY"  # path of the terminal that a driver wants the bars on


class Bar:
    """A bar to be moved by hand: ``with Bar(total, label, unit) as bar: bar.advance(n)``."""

    def __init__(self, total, label, unit="image"):
        self._settings = {"total": total, "desc": label, "unit": unit, "leave": False, "dynamic_ncols": True}
        self._stream = None
        self._line = None

    def __enter__(self):
        self._stream = _terminal()
        if self._stream:
            self._bar = tqdm(file=self._stream, **self._settings)
        elif _in_jupyter():
            from IPython.display import HTML, display

            self._stream = open(os.devnull, "w")
            self._bar = tqdm(file=self._stream, **{**self._settings, "dynamic_ncols": False, "ncols": 90})
            self._html = HTML
            self._line = display(HTML(""), display_id=True)
        else:
            self._bar = tqdm(disable=not sys.stderr.isatty(), **self._settings)
        return self

    def advance(self, count=1):
        """Move the bar by ``count`` units."""
        self._bar.update(count)
        if self._line:
            self._line.update(self._html(f"<pre>{html.escape(str(self._bar))}</pre>"))

    def __exit__(self, *exception):
        self._bar.close()
        if self._line:
            self._line.update({}, raw=True)  # an empty display prints nothing
        if self._stream:
            self._stream.close()


@contextlib.contextmanager
def foreign_bars():
    """Let bars that other packages draw on standard error (downloads) be seen where ours are, and leave no trace."""
    stream = _terminal()
    if stream is None and (_in_jupyter() or sys.stderr.isatty()):
        yield  # somebody watches standard error itself
        return
    with contextlib.closing(stream or open(os.devnull, "w")) as stream, contextlib.redirect_stderr(stream):
        yield


def name_terminal():
    """Tell kernels that are started from now on which terminal this process has, if it has one."""
    with contextlib.suppress(OSError):  # standard error is no terminal, or one without a name as in some containers
        os.environ[TERMINAL] = os.ttyname(2)


class _Terminal:
    """A terminal to write on. From when it is closed, as a window may be at any time, what is written goes nowhere."""

    encoding = "utf-8"

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_NOCTTY)

    def write(self, text):
        with contextlib.suppress(OSError):
            os.write(self._file, text.encode())

    def flush(self):
        """Nothing is held back."""

    def fileno(self):
        return self._file

    def isatty(self):
        return True

    def close(self):
        os.close(self._file)


def _terminal():
    """The terminal that a driver named; None if there is none or it cannot be opened."""
    try:
        return _Terminal(os.environ[TERMINAL])
    except (KeyError, OSError):
        return None


def _in_jupyter():
    return "JPY_SESSION_NAME" in os.environ  # set by Jupyter Server, absent under papermill
