"""What a run.json says, read apart from the run that it belongs to: a published copy has one too."""

import json

from jpegstudy.errors import BadInput
from jpegstudy.places import shown

COMPARISONS = ("07_networks", "12_trained_on_jpeg")  # that read finished runs, and need none of the above in their own


def read_record(path):
    """The contents of a run.json, with an entry for each stage. Raises BadInput if the file holds something else."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if all(isinstance(entry, dict) for entry in record["stages"].values()):
            return record
        why = "a stage without an entry"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"
    raise BadInput(f"{shown(path)} is no record of a run ({why}); restore it, or delete {shown(path.parent)}")


def codec_of(record):
    """The JPEG codec (fingerprint and library) that 03 or 04 put into a run's record; None before them."""
    return next((entry["codec"] for entry in record["stages"].values() if "codec" in entry), None)


def compared_in(record):
    """The names of the runs that a comparison read, from its record; an empty list for a run of its own."""
    stages = record["stages"]
    if "01_preprocessing" in stages:
        return []
    return next((stages[name]["parameters"]["runs"] for name in COMPARISONS if name in stages), [])


def check_same_codec(codecs):
    """Raise BadInput unless all codecs give the same pixels. ``codecs``: owner's name -> what ``codec_of`` says."""
    known = {name: codec for name, codec in codecs.items() if codec}
    first = next(iter(known), None)
    for name, codec in known.items():
        if codec["fingerprint"] != known[first]["fingerprint"]:
            told = " and ".join(f"{n} with {known[n]['library']} ({known[n]['fingerprint']})" for n in (first, name))
            raise BadInput(
                f"made by JPEG codecs that give other pixels: {told}; run one of them again, under another run name"
            )
