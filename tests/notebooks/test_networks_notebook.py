"""The notebook of networks side by side, and the five of a run with another network's perturbations, at smoke scale."""

import json
import re
import shutil

import nbformat
import pandas as pd
import papermill
import pytest

from jpegstudy import cli, notebooks, steps, studies
from jpegstudy.places import outputs, root
from jpegstudy.run import STAGES, Run

pytestmark = pytest.mark.slow
STUDY = """\
title: A network on another's perturbations
common: {run: transferred, seed: 0}
01_preprocessing: {image_set: demo, image_count: 6, shard_size: 4, network: demo, weights: random}
02_attack: {epsilons: [1, 5], source_run: known}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Runs ``known`` and ``random``, and ``transferred``: the second network on the perturbations of the first."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("project")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(folder / "outputs"))
        (folder / "transfer.yaml").write_text(STUDY)
        study = studies.load(folder / "transfer.yaml")
        plan = {stem: {name: value for name, value in values.items() if name != "run"} for stem, values in study.plan}
        for name, weights in (("known", "DEFAULT"), ("random", "random")):
            run = Run(name)
            steps.prepare(run.stage("01_preprocessing", **{**plan["01_preprocessing"], "weights": weights}))
            steps.attack(run.stage("02_attack", **{**plan["02_attack"], "source_run": ""}))
            steps.compress(run.stage("03_compression", **plan["03_compression"]))
            steps.add_jpeg_noise(run.stage("04_jpeg_noise", **plan["04_jpeg_noise"]))
        notebooks.run_study(study, say=lambda _: None)
        yield


def execute(tmp_path, runs):
    papermill.execute_notebook(
        str(root() / "notebooks/07_networks.ipynb"), str(tmp_path / "out.ipynb"), {"runs": runs}, progress_bar=False
    )
    return nbformat.read(tmp_path / "out.ipynb", as_version=4)


def outputs_of(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def words_of(notebook):
    """All that was printed; what a cell prints may come in several parts."""
    return "".join(output.text for output in outputs_of(notebook) if output.get("name") == "stdout")


def test_two_networks_stand_side_by_side_with_what_transfers(made, tmp_path):
    executed = execute(tmp_path, ["known", "random"])
    found = outputs_of(executed)
    pictures = [output for output in found if "image/png" in output.get("data", {})]
    assert len(pictures) == 4
    assert all(len(picture.metadata["image/png"]["alt"]) > 20 for picture in pictures)
    assert not [output for output in found if output.get("name") == "stderr"]
    words = words_of(executed)
    assert "Not in the figure over years, for want of a year: known, random." in words
    assert re.search(r"raises it beyond its interval in [01] of 1 pair and lowers it in [01]\.", words)
    shown = "\n".join(output.data.get("text/html", "") for output in found if "data" in output)
    assert "made against" in shown


def test_a_study_of_side_by_side_is_reported_and_published(made, tmp_path, capsys):
    for name in ("known", "random"):
        (Run(name).path / "study.json").write_text(json.dumps({"title": name}))
    (tmp_path / "two.yaml").write_text("title: Two side by side\n07_networks: {runs: [known, random]}\n")
    assert cli.main(["run", str(tmp_path / "two.yaml")]) == 0
    assert cli.main(["publish", "two"]) == 0
    published = outputs() / "report" / "two"
    transfer = pd.read_csv(published / "transfer.csv")
    assert set(zip(transfer.source, transfer.target, strict=True)) == {
        ("known", "known"), ("random", "random"), ("known", "random"),
    }  # fmt: skip
    assert set(pd.read_csv(published / "networks.csv").run) == set(pd.read_csv(published / "recovery.csv").run)
    record = json.loads((published / "run.json").read_text())
    assert list(record["stages"]["07_networks"]["runs"]) == ["known", "random", "transferred"]
    assert len(list((published / "figures").glob("07_networks-*.png"))) == 4
    index = (outputs() / "report" / "index.html").read_text()
    assert "Two side by side" in index
    assert "known, random" in index
    assert "Runs compared" in (published / "index.html").read_text()
    capsys.readouterr()
    assert cli.main(["runs"]) == 0
    assert "two: 2 runs side by side, known, random, complete" in capsys.readouterr().out


def test_networks_of_two_kinds_are_held_against_each_other(made, tmp_path, capsys):
    for name in ("known", "random"):
        (Run(name).path / "study.json").write_text(json.dumps({"title": name}))
    kinds = "{runs: [known, random], trained_on: [jpeg, lossless]}"
    (tmp_path / "kinds.yaml").write_text(f"title: Two kinds\n12_trained_on_jpeg: {kinds}\n")
    assert cli.main(["run", str(tmp_path / "kinds.yaml")]) == 0
    executed = nbformat.read(Run("kinds").path / "notebooks/12_trained_on_jpeg.ipynb", as_version=4)
    assert not [output for output in outputs_of(executed) if output.get("name") == "stderr"]
    assert "network by network jpeg " in words_of(executed)
    table = pd.read_csv(Run("kinds").path / "kinds.csv")
    assert set(table.what) == {"known", "random", "jpeg", "lossless", "jpeg − lossless"}
    assert cli.main(["publish", "kinds"]) == 0
    assert (outputs() / "report/kinds/kinds.csv").exists()
    (tmp_path / "odd.yaml").write_text("title: Odd\n12_trained_on_jpeg: {runs: [known, random], trained_on: [jpeg]}\n")
    capsys.readouterr()
    assert cli.main(["run", str(tmp_path / "odd.yaml")]) == 2
    assert "there are 2 runs and 1 entries of trained_on" in capsys.readouterr().err


def test_published_runs_without_images_give_the_same(made, tmp_path):
    before = words_of(execute(tmp_path, ["known", "random"]))
    names = ("known", "random", "transferred")
    for name in names:
        run, target = Run(name), outputs() / "report" / name
        (target / "predictions").mkdir(parents=True)
        shutil.copy(run.path / "run.json", target)
        for stage in STAGES[1:]:  # as publishing does
            run.predictions(stage).to_parquet(target / "predictions" / f"{stage}.parquet", index=False)
        shutil.move(run.path, outputs() / "aside" / name)
    try:
        assert words_of(execute(tmp_path, ["known", "random"])) == before
    finally:
        for name in names:
            shutil.move(outputs() / "aside" / name, outputs() / "runs" / name)


def test_one_network_alone_is_no_error(made, tmp_path):
    assert "No run here classifies another's perturbations." in words_of(execute(tmp_path, ["random"]))


def test_names_that_are_no_runs_end_it_in_one_line(made, tmp_path):
    with pytest.raises(papermill.PapermillExecutionError, match="BadInput: there is no run 'nothing'"):
        execute(tmp_path, ["known", "nothing"])


def test_a_run_with_another_networks_perturbations_goes_through_all_notebooks(made):
    run = Run("transferred")
    assert run.entry("02_attack")["source"]["run"] == "known"
    assert "JPGnoise(Adv5[demo](x))" in set(run.predictions().modification)
    told = json.loads((run.path / "notebooks/05_analysis.ipynb").read_text())
    assert "Adv1[demo](x)" in str(told)
    assert "Adv1[demo](x)" in (run.path / "claims.csv").read_text()
