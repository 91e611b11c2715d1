"""One list of versions: the lock's. Conda's file and the project's own bounds agree with it."""

import tomllib
from pathlib import Path

import yaml

from tools.environment import environment

ROOT = Path(__file__).resolve().parents[1]
LOCK = (ROOT / "requirements.lock").read_text()


def test_conda_gets_the_versions_of_the_lock():
    assert (ROOT / "environment.yml").read_text() == environment(LOCK)
    pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"][-1]["pip"]
    assert [line.replace('"', "'") for line in LOCK.splitlines()] == pip[:-1]


def test_every_dependency_is_locked_to_one_exact_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {line.split("==")[0] for line in LOCK.splitlines()}
    wanted = {*project["dependencies"], *project["optional-dependencies"]["test"]}
    assert {requirement.split("==")[0] for requirement in wanted} <= locked
    assert all("==" in line for line in LOCK.splitlines())


def test_the_asked_for_packages_are_there():
    asked = ["jupyterlab", "torch", "torchvision", "pillow", "numpy", "pandas", "seaborn", "ipywidgets", "papermill"]
    assert {f"{name}==" for name in asked} <= {line.split("==")[0] + "==" for line in LOCK.splitlines()}


def test_no_file_names_where_packages_are_fetched():
    for name in ("requirements.lock", "requirements-bench.lock", "environment.yml", "pyproject.toml"):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert "index-url" not in text, name
