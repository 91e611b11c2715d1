"""The batch work of a study: prepare, attack, compress, add noise, read otherwise, distill, defend, attack
codecs, explain.

Each step does every shard that is not done yet.

A shard's work is a function of (run, shard) alone: it reads the run folder and writes the shard's files, the deciding
one last.
"""

from jpegstudy.steps.attacked import attack_curves
from jpegstudy.steps.checks import check_masking
from jpegstudy.steps.codec_attacks import attack_codecs, some_images
from jpegstudy.steps.codec_bounds import jpeg_bounds
from jpegstudy.steps.codec_pictures import damage
from jpegstudy.steps.codec_trials import kinds_of, learned_codec
from jpegstudy.steps.defending import defend
from jpegstudy.steps.distillation import distill
from jpegstudy.steps.explaining import explain, measured, measured_spectra
from jpegstudy.steps.prediction import add_jpeg_noise, attack, compress, modifications_of
from jpegstudy.steps.preparation import prepare
from jpegstudy.steps.rereading import read_otherwise
from jpegstudy.steps.sources import load_image_set, load_network, read_images
from jpegstudy.steps.survival import count_moved_blocks, measure_survival
from jpegstudy.steps.timing import time_defenses
from jpegstudy.steps.transfer import source_signs

__all__ = [
    "add_jpeg_noise",
    "attack",
    "attack_codecs",
    "attack_curves",
    "check_masking",
    "compress",
    "count_moved_blocks",
    "damage",
    "defend",
    "distill",
    "explain",
    "jpeg_bounds",
    "kinds_of",
    "learned_codec",
    "load_image_set",
    "load_network",
    "measure_survival",
    "measured",
    "measured_spectra",
    "modifications_of",
    "prepare",
    "read_images",
    "read_otherwise",
    "some_images",
    "source_signs",
    "time_defenses",
]
