"""The study's charts. Every function takes a table or images and returns a figure; only ``show`` displays one.

Colors follow the transform in all of them: gray without one, blue JPEG, orange JPEG noise. Rates are drawn in percent.
"""

from .attackers import convergence_curves, crossed, knowing_beside_oblivious
from .codecs import codec_transfer, rate_distortion, suffered_over_budget, training_curve
from .curves import accuracy_curves, confident_errors, recovery_curves
from .defenses import defended_over_epsilon, gain_by_band, knowing_attacks, tables_tradeoff
from .explanations import (
    band_recoveries,
    geometry_over_epsilon,
    recovery_measured_and_predicted,
    rungs,
    spectra_maps,
    what_is_left,
)
from .exploration import band_heat_maps, highest_probabilities
from .images import image_strip, in_one_line, sample_images
from .networks import recovery_over, transfer_map
from .paper import table1_bars, top_label_boxes, top_label_scatter
from .readings import noise_by_factor, reading_changes
from .style import show
from .upbringing import kinds_apart

__all__ = [
    "accuracy_curves",
    "band_heat_maps",
    "band_recoveries",
    "codec_transfer",
    "confident_errors",
    "convergence_curves",
    "crossed",
    "defended_over_epsilon",
    "gain_by_band",
    "geometry_over_epsilon",
    "highest_probabilities",
    "image_strip",
    "in_one_line",
    "kinds_apart",
    "knowing_attacks",
    "knowing_beside_oblivious",
    "noise_by_factor",
    "rate_distortion",
    "reading_changes",
    "recovery_curves",
    "recovery_measured_and_predicted",
    "recovery_over",
    "rungs",
    "sample_images",
    "show",
    "spectra_maps",
    "suffered_over_budget",
    "table1_bars",
    "tables_tradeoff",
    "top_label_boxes",
    "top_label_scatter",
    "training_curve",
    "transfer_map",
    "what_is_left",
]
