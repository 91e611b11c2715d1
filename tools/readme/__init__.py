"""Write the results into README.md from the published reports, so that no number there is typed by hand.

Usage: python -m tools.readme. A test holds that README.md is what this writes. Each block between two comments of one
name is what the function of that name says:

study            Table 1 of each network, claims, readings, transfer
why              page 11's tables of what survives of a perturbation, and page 12's of networks trained on JPEG
defenses         Feature Distillation, its rivals, and attackers who know either
learned_codecs   what learned codecs give, lose under attack, and do before a network
speed            the bench's files in words
"""

import re

from tools.readme import defenses, learned_codecs, speed, study, why

BLOCKS = (
    study.headline, study.results, study.claims, study.readings, study.transfer,
    why.why_in_short, why.why_geometry, why.why_ladder, why.why_left, why.why_small, why.why_sizes, why.why_training,
    defenses.reliance, defenses.distillation, defenses.rivals, defenses.attackers, defenses.smallest, defenses.threats,
    learned_codecs.codec_rates, learned_codecs.codec_attacks, learned_codecs.codec_claims, learned_codecs.codec_steps,
    learned_codecs.codec_defenses,
    speed.exactness, speed.bench_jpeg, speed.bench, speed.bench_explore, speed.bench_readings, speed.bench_defenses,
    speed.bench_networks, speed.bench_learned, speed.bench_compressai,
)  # fmt: skip


def written(text):
    """README.md's text with the results of today's reports. Raises LookupError if it has no place for a block."""
    for content in BLOCKS:
        name = content.__name__
        block = f"<!-- {name} -->\n{content()}\n<!-- /{name} -->"
        text, found = re.subn(rf"<!-- {name} -->.*<!-- /{name} -->", lambda _, block=block: block, text, flags=re.S)
        if found != 1:
            raise LookupError(
                f"README.md has {found} places for {name}; wanted one, <!-- {name} --> to <!-- /{name} -->"
            )
    return text
