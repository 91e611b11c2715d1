"""Run a study's notebooks with papermill, and keep each result only when every cell ran.

papermill's own marks cannot be trusted: after a dead kernel or a time-out it writes "completed" on cells that never
ran, and sys.exit(0) ends a notebook without an error. So a notebook is done if, and only if, its final file exists;
until then the work is in ``NAME.part.ipynb``, and where it fails ``NAME.failed.ipynb`` keeps what there is.
"""

import errno
import hashlib
import json
import os
import re
import sys
import time

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from jpegstudy import progress
from jpegstudy.atomic import replacing
from jpegstudy.places import root, shown
from jpegstudy.run import LATER_STAGES, STAGES, Run, Stage

KERNEL = "python3"
QUIET_KERNEL = Config(
    {
        "KernelManager": {"transport_encryption": "auto"},  # else ipykernel 7 warns about plain TCP
        "NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]},  # else Ctrl-C gives a traceback
    }
)
BAD_INPUT = {"BadInput", "FileNotFoundError", "NotADirectoryError", "IsADirectoryError", "PermissionError"}
FULL = {errno.ENOSPC, errno.EDQUOT}


class NotebookError(Exception):
    """A notebook did not run to its end; the message, one line, names the notebook, the cell and the cause.

    ``bad_input`` is True where the cause is something the user gave.
    """

    def __init__(self, message, *, bad_input=False):
        super().__init__(" ".join(message.split()))
        self.bad_input = bad_input


def run_study(study, say=print):
    """Run the notebooks of a study (studies.Study) in order; ``say`` gets one line for each.

    A stage that is complete and whose notebook was executed with these parameters is not run again; notebooks that
    are no stage, such as 05, always are. Raises BadInput before anything runs if the run was made with other
    parameters, and NotebookError where a notebook stops.
    """
    record = check_study(study)
    words = {"study": study.name, "title": study.title, "description": study.description}
    with replacing(record.path / "study.json") as path:
        path.write_text(json.dumps(words, indent=1, ensure_ascii=False) + "\n")
    width = max(len(stem) for stem, _ in study.plan) + 2
    for stem, values in study.plan:
        source, output = root() / "notebooks" / f"{stem}.ipynb", record.path / "notebooks" / f"{stem}.ipynb"
        if (
            stem in (*STAGES, *LATER_STAGES)
            and record.is_complete(stem)
            and _made_from(output) == _made(source, values)
        ):
            say(f"{stem:{width}} already done")
            continue
        begun = time.monotonic()
        run(source, output, values)
        say(f"{stem:{width}} {time.monotonic() - begun:.0f} s")


def check_study(study):
    """The Run that a study makes. Raises BadInput if it was made with other parameters, NotebookError if the kernel is
    another Python's."""
    record = Run(study.run)
    check_kernel()
    for stem, values in study.plan:
        if stem in (*STAGES, *LATER_STAGES):
            Stage(record, stem, {name: value for name, value in values.items() if name != "run"}).compare()
    return record


def run(notebook, output, parameters, *, cell_timeout=None):
    """Execute ``notebook`` into ``output`` (paths) and return it. The kernel works in the current folder.

    parameters: names to str, int, float, bool, None, or lists and dicts of these; see studies.load, which checks them.
    cell_timeout: seconds; None waits for ever.
    Raises NotebookError, and keeps what had run by then beside ``output`` with the suffix ``.failed.ipynb``.
    """
    part, failed = output.with_suffix(".part.ipynb"), output.with_suffix(".failed.ipynb")
    progress.name_terminal()
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        executed = _execute(notebook, part, parameters, cell_timeout)
        executed.metadata["jpegstudy"] = _made(notebook, parameters)
        nbformat.write(executed, part)
        failed.unlink(missing_ok=True)
        os.replace(part, output)
        return executed
    except NotebookError as error:
        if not part.exists():
            raise
        os.replace(part, failed)
        raise NotebookError(f"{error}; see {shown(failed)}", bad_input=error.bad_input) from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NotebookError(f"{notebook.stem}: the disk is full ({error}); what was finished stays") from error
    finally:
        part.unlink(missing_ok=True)


def _execute(notebook, part, parameters, cell_timeout):
    name = notebook.stem
    try:
        executed = papermill.execute_notebook(
            _literally(notebook), _literally(part), parameters=parameters, kernel_name=KERNEL, language="python",
            progress_bar=False, execution_timeout=cell_timeout, config=QUIET_KERNEL, coalesce_streams=True,
            record_timing=False, store_widget_state=False,
        )  # fmt: skip
    except PapermillExecutionError as error:
        cause = error.evalue if error.ename == "BadInput" else f"{error.ename}: {error.evalue}"
        raise NotebookError(
            f"{name}, cell beginning {_beginning(error)}: {cause}", bad_input=error.ename in BAD_INPUT
        ) from error
    except CellTimeoutError as error:
        raise NotebookError(f"{name}: a cell ran longer than {cell_timeout} s") from error
    except DeadKernelError as error:
        raise NotebookError(f"{name}: the kernel died, often for want of memory; run it again to go on") from error
    except RuntimeError as error:  # nbclient's word for a kernel that does not answer
        raise NotebookError(f"{name}: the kernel did not start: {error}") from error
    unfinished = [cell for cell in executed.cells if cell.metadata.papermill.status != "completed"]
    if unfinished:  # sys.exit(0) in a cell stops papermill without an error
        raise NotebookError(f"{name}, cell beginning {_beginning(unfinished[0])}: left the notebook without an error")
    return clean(executed)


def _beginning(cell):
    """The first line of a cell's code, to find it by; numbers differ between the notebook and what papermill ran."""
    lines = [line for line in cell.source.split("\n") if line.strip() and not line.startswith("#")]
    return f"`{lines[0]}`" if lines else "with a comment"


def _literally(path):
    """A path as papermill takes it: it fills in braces from the parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _made(notebook, parameters):
    """What an executed notebook says of its making: the parameters, and a hash of the cells it was executed from."""
    cells = [[cell.cell_type, cell.source] for cell in nbformat.read(notebook, as_version=4).cells]
    return {"parameters": parameters, "cells_hash": hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]}


def _made_from(output):
    """What ``_made`` said when ``output`` was executed; None if it was not, or cannot be read."""
    try:
        return json.loads(output.read_text())["metadata"]["jpegstudy"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def clean(notebook):
    """Take out, in place, what differs between two equal runs or is left of widgets and bars. Returns the notebook."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"  # papermill draws a new one each time
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_leftover(output)]
            for output in cell.outputs:
                if "text" in output:  # warnings quote the file that the kernel pretends the cell is
                    output.text = re.sub(r"\S*/ipykernel_\d+/\d+\.py", "cell", output.text)
    return notebook


def _is_leftover(output):
    """True for an emptied display (a finished progress bar) and for a widget that no kernel stands behind."""
    if output.output_type != "display_data":
        return False
    return not output.data or "application/vnd.jupyter.widget-view+json" in output.data


def check_kernel():
    """Raise NotebookError unless the kernel ``python3`` is this Python: JUPYTER_PATH may hold a stale one."""
    try:
        command = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except NoSuchKernel as error:
        raise NotebookError(
            f"Jupyter has no kernel {KERNEL}; make one: {sys.executable} -m ipykernel install --sys-prefix"
        ) from error
    ours = {"python", f"python{sys.version_info[0]}", "python{}.{}".format(*sys.version_info[:2]), sys.executable}
    if command not in ours:
        raise NotebookError(
            f"Jupyter's kernel {KERNEL} is {command}, not the Python that runs this; unset JUPYTER_PATH, or make the "
            f"kernel again: {sys.executable} -m ipykernel install --sys-prefix"
        )
