"""The sliders as a person moves them: JupyterLab, its server and a kernel, the notebook in Chromium."""

import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import time

import nbformat
import numpy as np
import pytest
from PIL import Image

from jpegstudy import attacks
from jpegstudy.exploration import Explorer
from jpegstudy.places import root

pytestmark = [pytest.mark.slow, pytest.mark.browser]
EPSILON, QUALITY = "ε, grey levels", "JPEG quality"
PATIENCE = 60  # seconds, where other work shares the machine; nothing here is late on purpose
SETTING = {"epsilon": 1.0, "quality": 75, "subsampling": "4:2:0"}
QUIET = ("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the notebook, its network the demo's."""
    folder = tmp_path_factory.mktemp("explore")
    notebook = nbformat.read(root() / "notebooks" / "explore.ipynb", as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source = parameters.source.replace('"efficientnet_lite0"  #', '"demo"  #')
    assert '"demo"  #' in parameters.source
    nbformat.write(notebook, folder / "explore.ipynb")
    return folder


@pytest.fixture(scope="module")
def address(project):
    """Where JupyterLab serves the notebook, its settings and all that it writes in the project's folder."""
    folders = {
        "CONFIG_DIR": "CONFIG", "DATA_DIR": "DATA", "RUNTIME_DIR": "RUNTIME",
        "LAB_SETTINGS_DIR": "settings", "LAB_WORKSPACES_DIR": "workspaces",
    }  # fmt: skip
    own = {f"JUPYTER{'' if 'LAB' in name else '_'}{name}": str(project / place) for name, place in folders.items()}
    own |= {"JPEGSTUDY_ROOT": str(root()), "JPEGSTUDY_OUTPUTS": str(project / "outputs"), "HOME": str(project)}
    words = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--port=0", "--allow-root", *QUIET]
    with open(project / "server.log", "w") as log:
        server = subprocess.Popen(words, cwd=project, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        yield _address(server, project)
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)


def _address(server, project):
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last and server.poll() is None:
        with contextlib.suppress(StopIteration, ValueError):  # not there yet, or not yet whole
            facts = json.loads(next((project / "RUNTIME").glob("jpserver-*.json")).read_text())
            return f"http://127.0.0.1:{facts['port']}/lab/tree/explore.ipynb?token={facts['token']}"
        time.sleep(0.1)
    pytest.fail(f"JupyterLab does not serve:\n{(project / 'server.log').read_text()[-2000:]}")


@pytest.fixture(scope="module")
def notebook(browser, address):
    """The notebook with all its cells run; what the browser complains of is in ``complaints``."""
    context = browser.new_context(viewport={"width": 1400, "height": 1400})
    page, complaints = context.new_page(), []
    page.complaints = complaints
    page.set_default_timeout(1000 * PATIENCE)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").click()
    page.locator(".lm-Menu-itemLabel", has_text="Run All Cells").first.click()
    page.locator(".widget-slider").first.wait_for()
    yield page
    context.close()


@pytest.fixture
def page(notebook, explorer):
    """The notebook at SETTING, its first image and network; and afterwards no complaint of the browser."""
    notebook.set_viewport_size({"width": 1400, "height": 1400})
    notebook.locator(".widget-slider").first.scroll_into_view_if_needed()
    choose(notebook, "network", "demo")
    choose(notebook, "image", explorer.source.name)
    choose(notebook, "chroma", SETTING["subsampling"])
    enter(notebook, EPSILON, SETTING["epsilon"])
    enter(notebook, QUALITY, SETTING["quality"])
    assert_shows(notebook, explorer.view(**SETTING))
    yield notebook
    assert notebook.complaints == []


@pytest.fixture
def explorer():
    """What the panel has to show, computed here."""
    return Explorer("demo", image_set="photos", image="motorcycle_left.png")


def control(page, name):
    """The row of a control, by its description."""
    return page.locator(".widget-inline-hbox", has=page.get_by_text(name, exact=True))


def choose(page, name, option):
    control(page, name).locator("select").select_option(label=option)


def press(page, name, key, times=1):
    """Keys on a slider."""
    for _ in range(times):
        control(page, name).locator(".noUi-handle").press(key)


def enter(page, name, value):
    """A number in place of a slider's, once it may be changed: with a pair of files epsilon may not."""
    readout = control(page, name).locator('.widget-readout[contenteditable="true"]')
    readout.fill(str(value))
    readout.press("Enter")


def value_of(page, name):
    return float(control(page, name).locator(".widget-readout").inner_text())


def unfold(page, title):
    """Open a part of the accordion, unless it is."""
    part = page.locator(".jupyter-widget-Collapse", has_text=title)
    if part.locator(".jupyter-widget-Collapse-contents.lm-mod-hidden").count():
        part.locator(".jupyter-widget-Collapse-header").click()
    return part


def assert_shows(page, view):
    """Title, prediction and pixels of every tile, the highest probabilities and the summary are the view's."""
    for title, image, caption in view.tiles():
        tile = page.locator(".widget-html").get_by_role("img", name=f"{title}: {caption}", exact=True)
        tile.wait_for()
        last = time.monotonic() + PATIENCE
        while not np.array_equal(pixels_of(tile.get_attribute("src"), image.shape[1]), image):
            assert time.monotonic() < last, f"{title} has other pixels"
            time.sleep(0.05)
    page.locator(".widget-html").get_by_text(view.summary()).wait_for()
    for name, ranking in view.highest().items():
        table = page.locator(".widget-html table", has=page.get_by_text(name, exact=True)).first
        rows = [f"{label} {p:.3f}" for label, p in ranking]
        assert [" ".join(text.split()) for text in table.locator("tr").all_inner_texts()] == rows


def pixels_of(source, side):
    """uint8 (3, side, side) of a picture in a page, which shows small ones enlarged by a whole factor."""
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as shown:
        pixels = np.asarray(shown).transpose(2, 0, 1)
    return pixels[:, :: pixels.shape[1] // side, :: pixels.shape[2] // side]


def pixels_in(path):
    """uint8 (3, H, W) of a file."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def test_keys_move_the_sliders(page, explorer):
    press(page, EPSILON, "ArrowRight", times=2)
    press(page, QUALITY, "ArrowLeft", times=3)
    assert (value_of(page, EPSILON), value_of(page, QUALITY)) == (1.5, 72)
    assert_shows(page, explorer.view(**{**SETTING, "epsilon": 1.5, "quality": 72}))


def test_the_mouse_moves_a_slider(page, explorer):
    track = control(page, EPSILON).locator(".noUi-target").bounding_box()
    page.mouse.click(track["x"] + 0.5 * track["width"], track["y"] + 0.5 * track["height"])
    control(page, EPSILON).get_by_text("1.00").wait_for(state="detached")
    epsilon = value_of(page, EPSILON)
    assert 8 <= epsilon <= 12
    assert_shows(page, explorer.view(**{**SETTING, "epsilon": epsilon}))


def test_the_lists_choose_chroma_image_and_network(page, explorer):
    choose(page, "chroma", "4:4:4")
    setting = {**SETTING, "subsampling": "4:4:4"}
    assert_shows(page, explorer.view(**setting))
    choose(page, "image", "skimage/coffee.png")
    explorer.choose_image("coffee.png")
    assert_shows(page, explorer.view(**setting))
    choose(page, "network", "efficientnet_lite0")
    explorer.choose_network("efficientnet_lite0")
    assert_shows(page, explorer.view(**setting))


def test_nothing_jumps_and_nothing_sticks_out(page, explorer):
    tile = page.locator(".widget-html img").first
    before = tile.bounding_box()
    press(page, EPSILON, "ArrowRight")  # the summary gets a sentence more
    assert_shows(page, explorer.view(**{**SETTING, "epsilon": 1.25}))
    assert tile.bounding_box() == before
    for width in (1400, 1000):
        page.set_viewport_size({"width": width, "height": 1400})
        for selector in (".widget-vbox", ".widget-hbox", ".widget-html-content"):
            extra = "all => Math.max(...all.map(one => one.scrollWidth - one.clientWidth))"
            assert page.locator(selector).evaluate_all(extra) <= 1, (width, selector)


def test_a_pair_of_files_is_opened(page, explorer, tmp_path):
    x = explorer.view(**SETTING).images["x"]
    adversarial = attacks.fgsm(explorer.network, x[None], epsilon=3)[0]
    for name, image in (("clean", x), ("adversarial", adversarial)):
        Image.fromarray(image.numpy().transpose(1, 2, 0)).save(tmp_path / f"{name}.png")
    part = unfold(page, "Your own file")
    with page.expect_file_chooser() as chooser:
        part.get_by_role("button", name="upload").first.click()
    chooser.value.set_files(tmp_path / "clean.png")
    paths = part.locator("input[type=text]")
    page.wait_for_function("input => input.value === 'clean.png'", arg=paths.first.element_handle())
    paths.last.fill(str(tmp_path / "nowhere.png"))
    part.get_by_role("button", name="Open").click()
    page.get_by_text("nowhere.png: cannot be read").wait_for()
    assert_shows(page, explorer.view(**SETTING))  # what there was
    paths.last.fill(str(tmp_path / "adversarial.png"))
    part.get_by_role("button", name="Open").click()
    explorer.open(tmp_path / "clean.png", tmp_path / "adversarial.png")
    assert_shows(page, explorer.view(**SETTING))
    assert control(page, EPSILON).locator(".noUi-target[disabled]").count() == 1
    press(page, QUALITY, "ArrowLeft", times=5)
    assert_shows(page, explorer.view(**{**SETTING, "quality": 70}))
    assert page.get_by_text("nowhere.png").count() == 0


def test_what_is_saved_is_what_is_shown(page, explorer, project):
    part, view = unfold(page, "Save an image"), explorer.view(**SETTING)
    images, kinds = part.locator("select").all()
    for word, kind, file, name in (
        ("Adv(x)", "PNG", "motorcycle_left-Adv1.png", "Adv1(x)"),
        ("Adv(x)", "JPEG", "motorcycle_left-JPG-Adv1.jpg", "JPG(Adv1(x))"),
        ("JPG(x)", "PNG", "motorcycle_left-JPG.png", "JPG(x)"),
    ):
        images.select_option(label=word)
        kinds.select_option(label=kind)
        part.get_by_role("button", name="Save").click()
        part.get_by_text(file).wait_for()
        assert np.array_equal(pixels_in(project / "outputs" / "explore" / "demo" / file), view.images[name])
