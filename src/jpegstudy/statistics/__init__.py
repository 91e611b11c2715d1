"""Numbers with their 95 % intervals, from a table of predictions: rates, means, paired differences, recovery, tables.

Every modification is measured on the same images, so differences are taken image by image; images cut from one file
are no independent trials, so files are resampled. Rates are fractions 0 to 1. ``in_words`` says results in sentences.
Methods: Wilson 1927, Newcombe 1998 (method 10), Efron 1987 (BCa), McNemar's exact test, Holm 1979.
"""

from . import (
    attacker_words,
    codec_claims,
    codec_words,
    codecs,
    defense_words,
    explanation_answer,
    explanation_tables,
    explanation_words,
    explanations,
    in_words,
    masking_words,
    network_words,
    reading_words,
)
from .architectures import architectures, year_of
from .attackers import (
    convergence,
    defense_quality,
    dormancy,
    equal_lines,
    late,
    strengths,
    undone,
    with_knowledge,
    worst_case,
)
from .claims import judge as judge_claims
from .curves import curves, recovery
from .defenses import chosen_tables, defense_rates, judge_distillation, judge_speed, restricted, tradeoff
from .examples import attacked_name, example_names, telling_image
from .intervals import (
    Interval,
    difference_interval,
    holm,
    images_for_difference,
    images_for_rate,
    mcnemar_p,
    rate_interval,
)
from .masking import judge_masking
from .outcomes import in_paper_order, read_outcomes
from .readings import beside_table1, distances, nearest_readings, noise_effects, reading_changes
from .resampling import (
    mean_difference_interval,
    mean_interval,
    share_difference_interval,
    share_difference_p,
    share_interval,
)
from .side_by_side import (
    network_claims,
    network_differences,
    network_recoveries,
    network_tables,
    rank_correlation,
)
from .tables import (
    beside_paper,
    confident_errors,
    measure_of,
    only_attack,
    paired_differences,
    panel_names,
    scatter_pairs,
    table1,
)
from .transfer import transfer_rates

__all__ = [
    "Interval",
    "architectures",
    "attacked_name",
    "attacker_words",
    "beside_paper",
    "beside_table1",
    "chosen_tables",
    "codec_claims",
    "codec_words",
    "codecs",
    "confident_errors",
    "convergence",
    "curves",
    "defense_quality",
    "defense_rates",
    "defense_words",
    "difference_interval",
    "distances",
    "dormancy",
    "equal_lines",
    "example_names",
    "explanation_answer",
    "explanation_tables",
    "explanation_words",
    "explanations",
    "holm",
    "images_for_difference",
    "images_for_rate",
    "in_paper_order",
    "in_words",
    "judge_claims",
    "judge_distillation",
    "judge_masking",
    "judge_speed",
    "late",
    "masking_words",
    "mcnemar_p",
    "mean_difference_interval",
    "mean_interval",
    "measure_of",
    "nearest_readings",
    "network_claims",
    "network_differences",
    "network_recoveries",
    "network_tables",
    "network_words",
    "noise_effects",
    "only_attack",
    "paired_differences",
    "panel_names",
    "rank_correlation",
    "rate_interval",
    "read_outcomes",
    "reading_changes",
    "reading_words",
    "recovery",
    "restricted",
    "scatter_pairs",
    "share_difference_interval",
    "share_difference_p",
    "share_interval",
    "strengths",
    "table1",
    "telling_image",
    "tradeoff",
    "transfer_rates",
    "undone",
    "with_knowledge",
    "worst_case",
    "year_of",
]
