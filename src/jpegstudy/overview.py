"""What runs there are, how far each is, and what it found: for the command line and for the first notebook."""

from jpegstudy import headline
from jpegstudy.errors import BadInput
from jpegstudy.record import compared_in
from jpegstudy.run import STAGES, Stage, all_runs


def runs():
    """A dict for each run under outputs/runs, in the order of their names: run, images, network, state, and the
    headline's rates with their 95 % intervals where the analysis was made."""
    return [_row(run) for run in all_runs()]


def _row(run):
    try:
        return _told(run)
    except BadInput as error:  # one broken folder must not hide the others
        return {"run": run.name, "images": "?", "network": "?", "state": str(error)}


def _told(run):
    if compared := compared_in(run.record):
        images = f"{len(compared)} runs side by side"
        return {"run": run.name, "images": images, "network": ", ".join(compared), "state": "complete"}
    first = run.entry("01_preprocessing")
    row = {
        "run": run.name,
        "images": f"{first.get('images', '?')} images of {first.get('image_set', {}).get('name', '?')}",
        "network": first.get("network", {}).get("name", "?"),
        "state": _state(run),
    }
    rate, rates = headline.rates(run.path)
    if rate:
        row["measure"] = headline.RATES[rate]
        told = [f"{percent} {interval} ({modification})" for modification, percent, interval in rates]
        row |= dict(zip(headline.HEADS, told, strict=False))
    return row


def _state(run):
    begun = [stage for stage in STAGES if run.entry(stage)]
    unfinished = [stage for stage in begun if not run.is_complete(stage)]
    if unfinished:
        done = len(run.shards) - len(Stage(run, unfinished[0], {}).missing())
        return f"{unfinished[0]}: {done} of {len(run.shards)} shards"
    return "complete" if len(begun) == len(STAGES) else f"done to {begun[-1]}" if begun else "nothing begun"
