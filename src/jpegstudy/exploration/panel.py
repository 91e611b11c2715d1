"""The sliders: a thin layer of widgets over an Explorer. Only what differs is sent to the browser."""

import functools

import ipywidgets as widgets

from jpegstudy.errors import BadInput
from jpegstudy.exploration import markup, pictures
from jpegstudy.exploration.explorer import KINDS, LARGEST_EPSILON
from jpegstudy.exploration.threads import one_thread
from jpegstudy.jpeg import SUBSAMPLINGS
from jpegstudy.places import shown

EPSILON_STEP = 0.25  # grey levels that a key moves the slider
MOST_LISTED = 500  # names in the list of images; the one that is shown always is
OWN = ("a file of your own", "")  # first in the list of images: words, value
SAVED = ("x", "Adv(x)", "JPG(x)", "JPG(Adv(x))")  # a view's four images
BANDS = "Luma in JPEG's 64 frequencies, which rise to the right and downward: root mean squares, in grey levels."
WIDE, WRAPPED = {"width": "auto"}, {"width": "auto", "flex_flow": "row wrap"}
SLIDER, TILE = {"flex": "1 1 24em", "min_width": "0"}, {"flex": "1 1 0", "min_width": "0"}


class Panel:
    """The widgets, and what moving one of them does. ``widget`` is the whole, to be displayed; ``view`` what it shows.

    explorer: an Explorer.  epsilon, quality, subsampling: the setting to begin with, as for Explorer.view.
    """

    def __init__(self, explorer, *, epsilon, quality, subsampling):
        self.explorer = explorer
        self.view = explorer.view(epsilon=epsilon, quality=quality, subsampling=subsampling)
        self._make_controls(epsilon, quality, subsampling)
        self._make_outputs()
        choices = widgets.HBox([self.image, self.network, self.subsampling], layout=WRAPPED)
        setting = widgets.HBox([self.epsilon, self.quality], layout=WRAPPED)
        # Beneath the pictures, which must not jump when a text wraps
        answers = [self.summary, self.probabilities, self.remainder, self.bands]
        self.more = widgets.Accordion([self._make_opening(), self._make_saving()])
        self.more.titles = ("Your own file, or a clean and an adversarial one", "Save an image")
        parts = [choices, setting, self.message, widgets.HBox(self.tiles), *answers, self.more]
        self.widget = widgets.VBox(parts, layout=WIDE)
        for control in (self.epsilon, self.quality, self.subsampling):
            control.observe(lambda _: self._do(), "value")
        self.image.observe(self._choose_image, "value")
        self.network.observe(self._choose_network, "value")
        self._show()

    def _make_controls(self, epsilon, quality, subsampling):
        style = {"description_width": "initial"}
        listed = self.explorer.image_names[:MOST_LISTED]
        current = self.explorer.source.name
        options = [OWN, *zip(listed, listed, strict=True), *([] if current in listed else [(current, current)])]
        self.image = widgets.Dropdown(options=options, value=current, description="image", style=style)
        names = self.explorer.network_names
        self.network = widgets.Dropdown(
            options=names, value=self.explorer.network.name, description="network", style=style
        )
        self.epsilon = widgets.FloatSlider(
            value=epsilon, min=0, max=LARGEST_EPSILON, step=EPSILON_STEP, readout_format=".2f",
            description="ε, grey levels", style=style, layout=SLIDER,
        )  # fmt: skip
        self.quality = widgets.IntSlider(
            value=quality, min=1, max=100, description="JPEG quality", style=style, layout=SLIDER
        )
        self.subsampling = widgets.Dropdown(
            options=SUBSAMPLINGS, value=subsampling, description="chroma", style=style, layout={"width": "10em"}
        )

    def _make_outputs(self):
        self.message, self.summary, self.probabilities, self.remainder, self.bands = (_html() for _ in range(5))
        self.tiles = [widgets.HTML(layout=TILE) for _ in self.view.tiles()]

    def _make_opening(self):
        self.uploads, self.paths = [], []
        rows = []
        for words in ("image, the clean one of a pair", "adversarial image, if there is one"):
            self.uploads.append(widgets.FileUpload(description="upload", accept="image/*,.npy"))
            self.paths.append(widgets.Text(placeholder="or a path", layout={"width": "24em"}))
            self.uploads[-1].observe(functools.partial(_tell_upload, self.paths[-1]), "value")
            rows.append(widgets.HBox([self.uploads[-1], self.paths[-1], widgets.Label(words)]))
        self.open = widgets.Button(description="Open")
        self.open.on_click(lambda _: self._do(self._open))
        return widgets.VBox([*rows, self.open])

    def _make_saving(self):
        options = [(words, number) for number, words in enumerate(SAVED)]
        self.saved = widgets.Dropdown(options=options, value=1, layout={"width": "12em"})
        self.kind = widgets.Dropdown(options=tuple(KINDS), layout={"width": "8em"})
        self.save = widgets.Button(description="Save")
        self.save.on_click(lambda _: self._save())
        self.saved_to = _html()
        return widgets.VBox([widgets.HBox([self.saved, self.kind, self.save]), self.saved_to])

    def _choose_image(self, change):
        if change.new != OWN[1]:
            self._do(lambda: self.explorer.choose_image(change.new))
        elif not self.explorer.source.own:
            self.more.selected_index = 0
            self._do(self._open)

    def _choose_network(self, change):
        self._do(lambda: self.explorer.choose_network(change.new))

    def _open(self):
        self.explorer.open(*map(_given, self.uploads, self.paths))

    def _save(self):
        try:
            path = self.explorer.save(self.view, self.view.names[self.saved.value], self.kind.value)
            self.saved_to.value = markup.sentence(f"saved: {shown(path)}")
        except (BadInput, OSError) as error:
            self.saved_to.value = markup.sentence(str(error), wrong=True)

    def _do(self, action=lambda: None):
        """Do what was asked for, and show what there is then; where it cannot be done, say so and show what was."""
        told = ""
        try:
            action()
            setting = (self.epsilon, self.quality, self.subsampling)
            epsilon, quality, subsampling = (control.value for control in setting)
            self.view = self.explorer.view(epsilon=epsilon, quality=quality, subsampling=subsampling)
        except (BadInput, OSError) as error:
            told = markup.sentence(str(error), wrong=True)
        self._show()  # which may put a control back, and so come here once more
        self.message.value = told

    @one_thread()
    def _show(self):
        """Put the view into the widgets; those whose value stays as it was send nothing."""
        source = self.explorer.source
        self.image.value = OWN[1] if source.own else source.name
        self.network.value = self.explorer.network.name
        self.epsilon.disabled = self.explorer.is_pair
        for tile, (title, image, caption) in zip(self.tiles, self.view.tiles(), strict=True):
            tile.value = markup.tile(title, pictures.png(image), caption)
        self.summary.value = markup.sentence(f"{self.explorer.about()} {self.view.summary()}")
        self.probabilities.value = markup.probabilities(self.view.highest(), self.view.label(self.view.names[0]))
        self.remainder.value = markup.sentence(f"{BANDS} {self.view.remainder_in_words()}")
        self.bands.value = markup.heat_maps(self.view.bands())


def _tell_upload(path, change):
    """Put the name of a file that was sent where paths are typed: that field says what will be opened."""
    if change.new:
        path.value = change.new[0].name


def _given(upload, path):
    """What Explorer.open takes: the file that was sent, unless something else was typed since; None for nothing."""
    sent = {file.name: (file.name, bytes(file.content)) for file in upload.value}
    return sent.get(path.value) or path.value.strip() or None


def _html():
    return widgets.HTML(layout=WIDE)
