"""Progress bars that a finished notebook shows no trace of.

Where the bar is drawn depends on who watches: the terminal behind ``jpegstudy run`` (the driver names it in the
environment, because a kernel has no terminal of its own), the cell of a notebook open in JupyterLab, or standard error.
"""

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
        terminal = os.environ.get(TERMINAL)
        if terminal:
            self._stream = open(terminal, "w")
            self._bar = tqdm(file=self._stream, **self._settings)
        elif os.environ.get("JPY_SESSION_NAME"):  # set by Jupyter Server, absent under papermill
            from IPython.display import HTML, display

            self._bar = tqdm(file=open(os.devnull, "w"), **{**self._settings, "dynamic_ncols": False, "ncols": 90})
            self._stream = self._bar.fp
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


def track(items, label, unit="item"):
    """Yield ``items`` (a sequence) under a bar."""
    with Bar(len(items), label, unit) as bar:
        for item in items:
            yield item
            bar.advance()
