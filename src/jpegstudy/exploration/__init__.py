"""One image under sliders: what each setting of the attack and of JPEG does to it, for the notebook ``explore``.

explorer            choose an image and a network, look, save: plain methods
subject, view       an image under a network; one setting of it, and what is derived from that
sources, threads    where images come from; how a slider's work is spread
spectrum, pictures  a change in JPEG's DCT bands, and as a picture
panel, markup       the widgets, a thin layer over an Explorer
"""

import os

from jpegstudy.exploration.explorer import Explorer
from jpegstudy.exploration.view import View

__all__ = ["Explorer", "View", "show"]


def show(explorer, *, epsilon, quality, subsampling="4:2:0"):
    """Display the sliders, beginning with this setting, where somebody can move them; elsewhere nothing.

    Jupyter's server names the session in its kernels' environment; under papermill nobody is there, and a widget would
    leave a view without a model in the notebook.
    """
    if "JPY_SESSION_NAME" in os.environ:
        from IPython.display import display

        from jpegstudy.exploration.panel import Panel

        display(Panel(explorer, epsilon=epsilon, quality=quality, subsampling=subsampling).widget)
