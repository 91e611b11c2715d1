"""Studies: YAML files in notebooks/studies that say which parameters each notebook gets.

    title: Quick look
    description: Optional, a sentence or two.
    common:          {run: quick, seed: 0}      # given to every notebook that has the parameter
    02_attack:       {epsilons: [1, 5, 10]}     # given to that notebook alone; wins over common

A study runs 01 to 05, and any other numbered notebook that it has a section for. One with sections for comparisons
only, such as 07_networks, runs those alone: they read runs that are finished. Everything is checked before anything
runs, because papermill checks nothing: names against the notebooks' parameters cells, types against their defaults,
and ranges against jpegstudy.parameters. The cells are read here and not by papermill.inspect_notebook, whose line by
line patterns miss a value that spans lines and take what is computed in the cell for a parameter.
"""

import ast
import difflib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from jpegstudy import parameters
from jpegstudy.errors import BadInput, one_line
from jpegstudy.places import root, shown
from jpegstudy.record import COMPARISONS

PAPER = ("01", "02", "03", "04", "05")  # what every study of a network runs
TEXTS = ("title", "description")
IN_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
    type(None): "null",
}


@dataclass(frozen=True)
class Study:
    """A study that can be run: ``plan`` lists, in order, (notebook stem, every parameter of that notebook)."""

    name: str
    title: str
    description: str
    plan: list

    @property
    def run(self):
        """The name of the run that it makes."""
        return next(values["run"] for _, values in self.plan if "run" in values)


def folder():
    """Where the studies are."""
    return root() / "notebooks" / "studies"


def names():
    """The names of all studies, sorted."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def notebooks():
    """Every numbered notebook of the project: stem -> path, in reading order."""
    return {path.stem: path for path in sorted((root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))}


def load(name_or_path, overrides=None):
    """Read a study, check all of it, and return the Study.

    name_or_path: a name out of ``names()``, or the path of a YAML file.
    overrides: name -> value, which win over the file wherever a notebook of the plan has that parameter.
    Raises BadInput that says what is wrong and what would be right.
    """
    path = _find(name_or_path)
    given = _read(path)
    title, description = (given.pop(key, "") for key in TEXTS)
    if not isinstance(title, str) or not title.strip() or not isinstance(description, str):
        raise BadInput(f"{path.name} needs a title, in words (and a description, if any, in words too)")
    common = _mapping(path, "common", given.pop("common", {}))
    known = notebooks()
    for section in given:
        if section not in known:
            raise BadInput(
                f"{path.name} has a section {section!r}; {_nearest(section, known)}"
                f"there are {', '.join([*TEXTS, 'common', *known])}"
            )
    comparison = bool(given) and set(given) <= set(COMPARISONS)
    stems = [stem for stem in known if stem in given or (stem[:2] in PAPER and not comparison)]
    if not comparison and not any(stem[:2] in PAPER for stem in stems):
        raise BadInput(f"there are no notebooks 01 to 05 in {shown(root() / 'notebooks')}; go to the project's folder")
    sections = {stem: _mapping(path, stem, given.get(stem)) for stem in stems}
    defaults = {stem: parameters_of(known[stem]) for stem in stems}
    _check_names(path, common, sections, defaults, overrides or {})
    common = {"run": path.stem, **common}
    plan = []
    for stem in stems:
        values = {**defaults[stem], **common, **sections[stem], **(overrides or {})}
        mine = {name: _as_default(stem, name, values[name], default) for name, default in defaults[stem].items()}
        parameters.check({name: value for name, value in mine.items() if name in parameters.PARAMETERS})
        plan.append((stem, mine))
    runs = {values["run"] for _, values in plan if "run" in values}
    if len(runs) != 1:
        raise BadInput(f"{path.name} names the runs {', '.join(sorted(runs))}; a study makes one, set in common")
    return Study(path.stem, title.strip(), description.strip(), plan)


def load_all(names_or_paths, overrides=None):
    """Read several studies as ``load`` does, one after the other: a list of Study.

    Raises BadInput too if two of them make the same run, as they do where the overrides name one.
    """
    if len(names_or_paths) > 1 and "run" in (overrides or {}):
        raise BadInput(f"-p run names one run, but there are {len(names_or_paths)} studies; leave it out")
    found = {}
    for study in (load(each, overrides) for each in names_or_paths):
        if study.run in found:
            raise BadInput(f"studies {found[study.run].name} and {study.name} make the same run, {study.run!r}")
        found[study.run] = study
    return list(found.values())


def parameters_of(notebook):
    """The names and defaults of a notebook's cell tagged ``parameters``, in order. Raises BadInput if not literals."""
    notebook = Path(notebook)
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
        statements = ast.parse("\n".join(sources)).body
    except (ValueError, KeyError, TypeError, SyntaxError) as error:
        raise BadInput(f"{notebook.name} is not a notebook that can be read: {one_line(error)}") from error
    if len(sources) != 1:  # papermill would put the values where the notebook's own defaults overwrite them
        raise BadInput(f"{notebook.name} has {len(sources)} cells tagged parameters; it needs one")
    defaults = {}
    for statement in statements:
        try:
            target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
            defaults[target.id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError, TypeError) as error:
            raise BadInput(
                f"{notebook.name}: line {statement.lineno} of its parameters cell is not 'name: type = literal'"
            ) from error
    return defaults


def value_of(text):
    """What a value given on the command line means, read as a study would read it."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"cannot read the value {text!r}: {one_line(error)}") from error


def _find(name_or_path):
    text = str(name_or_path)
    path = Path(text) if "/" in text or text.endswith((".yaml", ".yml")) else folder() / f"{text}.yaml"
    if path.is_file():
        return path
    raise BadInput(
        f"there is no study {text!r}; {_nearest(path.stem, names())}"
        f"there are {', '.join(names()) or 'none'} (in {shown(folder())})"
    )


def _read(path):
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"cannot read {path.name}: {one_line(error)}") from error
    return _mapping(path, "a study", given)


def _mapping(path, section, value):
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadInput(f"{path.name}: {section} must be a mapping of names to values")
    return dict(value)


def _check_names(path, common, sections, defaults, overrides):
    everywhere = dict.fromkeys(name for names in defaults.values() for name in names)
    for name in common:
        if name not in everywhere:
            raise BadInput(f"{path.name}: {_unknown(name, everywhere)} in any notebook of the study")
    for name in overrides:
        if name not in everywhere:
            raise BadInput(f"-p: {_unknown(name, everywhere)} in any notebook of the study")
    for stem, section in sections.items():
        for name in section:
            if name not in defaults[stem]:
                raise BadInput(f"{path.name}: {_unknown(name, defaults[stem])} in {stem}")


def _unknown(name, known):
    return f"there is no parameter {name!r} ({_nearest(name, known)}there are {', '.join(known)})"


def _nearest(name, known):
    near = difflib.get_close_matches(str(name), list(known), n=2, cutoff=0.5)
    return f"did you mean {' or '.join(near)}? " if near else ""


def _as_default(stem, name, value, default):
    """``value``, if it is plain JSON of the default's type: papermill passes a tuple as text, and a date not at all."""
    wanted = type(default)
    if wanted is float and type(value) is int:
        value = float(value)
    if default is not None and type(value) is not wanted:
        raise BadInput(f"{stem}: {name} is {value!r}; wanted: {_told(wanted, default)}")
    if not _is_plain(value):
        raise BadInput(
            f"{stem}: {name} is {value!r}; wanted: numbers, text, true, false, null, lists or mappings of them"
        )
    return value


def _told(wanted, default):
    return f"{IN_WORDS.get(wanted, wanted.__name__)}, such as {json.dumps(default)}"


def _is_plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return type(value) in (str, int, bool, type(None)) or (type(value) is float and math.isfinite(value))


class _Loader(yaml.SafeLoader):
    """YAML 1.2's plain values and no key twice.

    PyYAML's own 1.1 reads 4:2:0 as 14520, 1e-3 as text, yes as true, 0755 as 493, and of two equal keys the last.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's way: one table per loader

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise yaml.YAMLError(f"{key!r} stands twice, again in line {line}")
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)
