"""The command ``jpegstudy``: run studies, list runs, make and publish reports, inspect an image, measure speed.

What needs torch, pandas or papermill is imported by the command that needs it, so that --help comes at once. Every
failure is one line on standard error. Exit status: 0 done, 2 the input cannot be used, 1 anything else, 130 Ctrl-C.
"""

import argparse
import os
import signal
import sys
import traceback

from jpegstudy.errors import BadInput

EXAMPLES = """\
examples:
  jpegstudy run --list                   the studies there are
  jpegstudy run demo                     run one, and make its report
  jpegstudy run demo -p seed 1 -p run demo-seed-1
  jpegstudy run resnet50 vit_b_16        one network after the other
  jpegstudy runs                         the runs there are, and what came out
  jpegstudy publish demo                 copy a run's report to outputs/report
  jpegstudy inspect photo.png saved.png  what a network sees in them and in their JPEGs
"""


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which stops a run as Ctrl-C does."""


def main(arguments=None):
    """Run the command line and return its exit status."""
    parser = _parser()
    given, rest = parser.parse_known_args(arguments)
    if rest and not hasattr(given, "rest"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
    if not hasattr(given, "command"):
        parser.print_help()
        return 0
    signal.signal(signal.SIGTERM, _terminate)
    try:
        status = given.command(given)
        sys.stdout.flush()
        return status or 0
    except KeyboardInterrupt as stop:
        return _fail("stopped; run the same command again to go on", 143 if isinstance(stop, _Terminated) else 130)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if given.debug and not isinstance(error, BadInput):
            raise
        return _fail(*_told(error, "error"))


def _parser():
    parser = argparse.ArgumentParser(
        prog="jpegstudy",
        description="Does JPEG compression undo adversarial perturbations? Run the study, and read what came out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = commands.add_parser("run", help="run studies' notebooks and make their reports", description=_run.__doc__)
    run.add_argument("study", nargs="*", help="its name, or the path of a YAML file; several are run in order")
    run.add_argument("--list", action="store_true", help="list the studies")
    run.add_argument("--plan", action="store_true", help="print what each notebook would get, and run nothing")
    run.add_argument(
        "-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
        help="give every notebook that has the parameter this value, written as in YAML: -p epsilons '[1, 5]'",
    )  # fmt: skip
    run.set_defaults(command=_run)

    runs = commands.add_parser("runs", help="list the runs", description=_runs.__doc__)
    runs.set_defaults(command=_runs)

    report = commands.add_parser("report", help="make a run's HTML again", description=_report.__doc__)
    report.add_argument("run", help="its name under outputs/runs")
    report.set_defaults(command=_report)

    publish = commands.add_parser("publish", help="copy a run's report to outputs/report", description=_publish.__doc__)
    publish.add_argument("run", help="its name under outputs/runs")
    publish.set_defaults(command=_publish)

    inspect = commands.add_parser(
        "inspect", help="what a network sees in a file and in its JPEGs", description=_inspect.__doc__
    )
    inspect.add_argument("image", help="a file; where a second is given, the clean one")
    inspect.add_argument("adversarial", nargs="?", help="the same image with a perturbation, of the same size")
    inspect.add_argument(
        "--network", default="efficientnet_lite0", metavar="NAME",
        help="demo, efficientnet_lite0 (the default), one of torchvision's, or package.module:factory",
    )  # fmt: skip
    inspect.add_argument("--weights", default="DEFAULT", help="a file, or a name of torchvision's")
    inspect.add_argument(
        "--preprocessing", default="{}", metavar="YAML",
        help="of a network of your own: '{crop: 32, mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5]}'",
    )  # fmt: skip
    inspect.add_argument(
        "--epsilon", nargs="+", type=float, default=[], metavar="E",
        help="inspect also the image moved by so many grey levels against the network",
    )  # fmt: skip
    inspect.add_argument(
        "--no-crop", action="store_true",
        help="take files of any size as they are; those of the network's input size always are",
    )  # fmt: skip
    inspect.set_defaults(command=_inspect)

    bench = commands.add_parser("bench", help="measure speed and memory", description=_bench.__doc__, add_help=False)
    bench.set_defaults(command=_bench, rest=[])  # its arguments are its own to read
    return parser


def _run(given):
    """Run a study: its notebooks in order, then the report. What a run already holds is not done again. Several studies
    are checked before the first of them runs; one that fails does not stop those after it."""
    from jpegstudy import studies

    if given.list:
        for name in studies.names():
            print(f"{name:20} {studies.load(name).title}")
        return None
    if not given.study:
        raise BadInput(f"which study? there are {', '.join(studies.names()) or 'none'}")
    asked = studies.load_all(given.study, {name: studies.value_of(value) for name, value in given.parameter})
    if given.plan:
        for study in asked:
            if len(asked) > 1:
                print(f"{study.title} (run {study.run})")
            for stem, values in study.plan:
                print(stem, *(f"  {name}: {value!r}" for name, value in values.items()), sep="\n")
        return None
    if len(asked) == 1:
        return _run_one(asked[0])
    from jpegstudy import notebooks

    for study in asked:
        notebooks.check_study(study)
    return _run_each(asked, given.debug)


def _run_one(study):
    from jpegstudy import notebooks

    print(f"{study.title} (run {study.run})", flush=True)
    notebooks.run_study(study, say=lambda line: print(line, flush=True))
    _make_report(study.run)


def _run_each(asked, debug):
    """Run studies in order, whatever becomes of those before; the exit status says what became of all."""
    failed = {}
    for study in asked:
        try:
            _run_one(study)
        except Exception as error:
            if debug and not isinstance(error, BadInput):
                raise
            message, failed[study.name] = _told(error, f"error-{study.run}")
            _fail(f"{study.name}: {message}", failed[study.name])
    if failed:
        _fail(f"{len(failed)} of {len(asked)} studies failed: {', '.join(failed)}", 1)
    return min(failed.values(), default=0)  # 2 only where all that failed was given input that cannot be used


def _runs(given):
    """List the runs: how far each is, its images and network, and its headline."""
    from jpegstudy import overview

    for row in overview.runs():
        print(f"{row.pop('run')}: {row.pop('images')}, {row.pop('network')}, {row.pop('state')}")
        if "measure" in row:
            print(f"    {row.pop('measure')}: {', '.join(f'{name} {told}' for name, told in row.items())}")


def _report(given):
    """Make the HTML of a run's executed notebooks again."""
    _make_report(given.run)


def _publish(given):
    """Copy a run's notebooks, HTML, tables and predictions to outputs/report, where they can be committed."""
    from jpegstudy import publishing
    from jpegstudy.places import shown

    print(f"published: {shown(publishing.publish(given.run))}")


def _inspect(given):
    """Say what a network sees in an image file and in its JPEGs from quality 95 to 25, and whether JPEG brings back the
    label that a perturbation took."""
    from jpegstudy import inspection, studies

    chosen = {"network": given.network, "weights": given.weights}
    chosen["preprocessing"] = studies.value_of(given.preprocessing)
    asked = {"epsilons": given.epsilon, "whole": given.no_crop}
    for part in inspection.inspect(given.image, given.adversarial, **chosen, **asked):
        print(part, flush=True)


def _bench(given):
    """Measure speed and memory beside what a user would run instead; jpegstudy bench --help lists what."""
    from jpegstudy import bench

    return bench.main(given.rest)


def _make_report(name):
    from jpegstudy import report
    from jpegstudy.places import shown

    print(f"report: {shown(report.make(name))}")


def _terminate(*_):
    raise _Terminated


def _told(error, log):
    """(what is said of an error, exit status); log: name of the file for the traceback of one that was not foreseen."""
    if isinstance(error, BadInput):
        return error, 2
    if type(error).__name__ == "NotebookError":  # by name: its module imports papermill
        return error, 2 if error.bad_input else 1
    return f"{type(error).__name__}: {error}{_log(error, log)}", 1


def _fail(message, status):
    print("jpegstudy:", " ".join(str(message).split()), file=sys.stderr)
    return status


def _log(error, name):
    """Put an error's traceback into a file, and return how to say where it is."""
    from jpegstudy.places import outputs, shown

    path = outputs() / "runs" / f"{name}.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)))
    except OSError:
        return " (jpegstudy --debug shows more)"
    return f" (the traceback is in {shown(path)})"
