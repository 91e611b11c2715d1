"""Write environment.yml from requirements.lock, so that conda users get the versions that everybody else has."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# conda env create -f environment.yml && conda activate jpegstudy
# The same versions as requirements.lock, from which `make lock` writes this file.
name: jpegstudy
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def environment(lock):
    """The contents of environment.yml for the contents of a lock, a requirement a line."""
    requirements = [line for line in lock.splitlines() if line and not line.startswith("#")]
    quoted = [f'      - "{line.replace(chr(34), chr(39))}"\n' for line in [*requirements, "--editable ."]]
    return HEAD + "".join(quoted)


if __name__ == "__main__":
    (ROOT / "environment.yml").write_text(environment((ROOT / "requirements.lock").read_text()))
