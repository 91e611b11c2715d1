"""Imports go one way, as the README draws it."""

import ast
from pathlib import Path

import pytest

import jpegstudy

PACKAGE = Path(jpegstudy.__file__).parent
BELOW = {
    "attacks", "decoding", "demo", "figures", "image_sets", "jpeg", "modifications", "networks", "parameters",
    "progress", "readings", "record", "run", "statistics", "steps", "timing", "transforms",
}  # fmt: skip
LAYERS = {
    "__main__": {"cli"},
    "cli": {"record", "studies", "notebooks", "overview", "report", "publishing", "inspection", "bench", "run"},
    "studies": {"record", "run", "parameters"},
    "notebooks": {"record", "atomic", "run", "parameters", "progress"},
    "report": {"record", "atomic", "run", "machine_paths", "parameters", "headline"},
    "publishing": {"record", "atomic", "report", "run", "machine_paths", "headline"},
    "overview": {"record", "headline", "run"},
    "headline": {"record", "run"},
    "finished": {"record", "parameters", "run"},
    "machine_paths": {"run"},
    "bench": BELOW | {"learned", "mechanism", "exploration", "inspection"},
    "steps": {"record", 
        "atomic", "run", "image_sets", "networks", "attacks", "modifications", "progress", "transforms", "jpeg",
        "parameters", "decoding", "readings", "mechanism", "learned", "timing",
    },
    "readings": {"attacks", "decoding", "jpeg", "modifications", "transforms"},
    "inspection": {"decoding", "image_sets", "networks", "attacks", "modifications", "jpeg", "figures"},
    "exploration": {
        "atomic", "inspection", "image_sets", "networks", "attacks", "modifications", "jpeg", "parameters", "run",
    },
    "mechanism": {"attacks", "run", "networks", "modifications", "jpeg", "statistics", "progress"},
    "modifications": {"record", "attacks", "transforms", "jpeg", "learned", "run"},
    "learned": {"jpeg", "attacks", "progress", "state_files", "transforms"},
    "transforms": {"jpeg"},
    "attacks": {"jpeg"},
    "demo": {"jpeg", "progress"},
    "figures": {"statistics"},
    "image_sets": {"decoding", "progress", "run"},
    "networks": {"run", "progress", "state_files"},
    "run": {"atomic", "parameters", "record"},
    "record": set(),
    "state_files": set(),
    "statistics": {"timing"},
    "timing": set(),
}  # fmt: skip


def imports_of(path, package):
    """Names of our own top-level modules that the file imports, in whatever form."""
    parts_of_file = path.relative_to(package.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("jpegstudy."))
        elif isinstance(node, ast.ImportFrom):
            base = list(parts_of_file[: len(parts_of_file) - node.level]) if node.level else []
            parts = base + (node.module.split(".") if node.module else [])
            if parts[:1] == ["jpegstudy"]:
                yield from parts[1:2] or [alias.name for alias in node.names]


def above(path, package=PACKAGE):
    """What the file imports and should not: all may import allocation, errors, places, themselves, the layers below."""
    module = path.relative_to(package).parts[0].removesuffix(".py")
    return set(imports_of(path, package)) - LAYERS.get(module, set()) - {module, "allocation", "errors", "places"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_import_only_the_layers_below(path):
    extra = above(path)
    assert not extra, f"{path.name} may not import {', '.join(sorted(extra))}"


@pytest.mark.parametrize(
    "line", ["import jpegstudy.cli", "from jpegstudy import cli", "from . import cli", "from .cli import main"]
)
def test_every_form_of_import_is_seen(tmp_path, line):
    package = tmp_path / "jpegstudy"
    package.mkdir()
    (package / "jpeg.py").write_text(line)
    assert above(package / "jpeg.py", package) == {"cli"}
