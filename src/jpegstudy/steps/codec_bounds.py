"""How far attacks moved JPEG, beside the bound that its quantizer keeps: what no learned codec has."""

import math

import numpy as np
import pandas as pd
import torch

from jpegstudy import jpeg
from jpegstudy.jpeg import color
from jpegstudy.learned.budget import mean_squares
from jpegstudy.learned.jpeg_codec import Jpeg, mse_bound
from jpegstudy.steps.codec_attacks import images_of, some_images
from jpegstudy.steps.codec_trials import codecs_of, trials_of

BLOCK = 8  # pixels: luma is cut to whole blocks, over which the bound holds


def jpeg_bounds(stage):
    """Luma under every attack on a JPEG of step 10: a table with a row for each, root mean squares in grey levels.

    Columns: codec, attack, objective, budget, targeted, n, and of the image that came nearest to its bound: spent (x*
    to x), measured (JPG(x*) to x) and bound. Luma is coded as the grey image that it is, which a JPEG's luma equals.
    """
    run, given = stage.run, stage.parameters
    codecs = codecs_of(given, run.entry(stage.name)["jpeg_of_equal_rate"], torch.device("cpu"))
    rows = []
    for trial in trials_of(given, codecs):
        codec = codecs[trial.codec]
        if isinstance(codec, Jpeg):
            spent, moved = (np.concatenate(each) for each in zip(*_squares(run, trial, codec.quality), strict=True))
            bound = np.array([mse_bound(each, codec.quality) for each in spent])
            nearest = (moved / bound).argmax()
            told = [255 * math.sqrt(each[nearest]) for each in (spent, moved, bound)]
            what = (trial.codec, trial.attack, trial.objective, trial.budget, trial.targeted)
            rows.append((*what, len(spent), *told))
    names = ["codec", "attack", "objective", "budget", "targeted", "n", "spent", "measured", "bound"]
    return pd.DataFrame(rows, columns=names)


def _squares(run, trial, quality):
    """Of each shard with images of the trial: mean squared errors of luma, x* to x and JPG(x*) to x."""
    wanted = set(run.predictions("10_learned_codecs")["image"])
    for shard in run.shards:
        numbers = [number for number in run.image_table(shard)["image"] if number in wanted]
        if numbers:
            x = _luma(some_images(run, numbers))
            attacked = _luma(torch.from_numpy(np.array(images_of(run, trial, shard))))
            coded = jpeg.roundtrip(attacked, quality=quality)
            yield mean_squares(x, attacked).numpy(), mean_squares(x, coded).numpy()


def _luma(images):
    """Luma of uint8 (N, 3, H, W) as grey images of whole blocks: uint8 (N, 1, h, w)."""
    height, width = (side // BLOCK * BLOCK for side in images.shape[2:])
    return (color.to_ycbcr(images)[0][..., :height, :width] + 128).round().clamp(0, 255).to(torch.uint8)
