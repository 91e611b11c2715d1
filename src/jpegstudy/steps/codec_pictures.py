"""Where an attack on a codec does its damage, to look at."""

import torch

from jpegstudy import learned
from jpegstudy.steps.codec_attacks import images_of, some_images
from jpegstudy.steps.codec_trials import NOISE, Trial, learned_codec

ENLARGED = 10  # times, of the noise
APART = 4  # times, of the difference between reconstructions
MIDDLE = 128  # grey level that stands for no noise


def damage(stage, measured, name):
    """(pictures uint8 (5, 3, H, W), titles, captions) of the image whose reconstruction loses most to its source.

    measured: the predictions of 10.  name: of a learned codec. Taken are attacks on it with the first objective, at the
    largest budget. Pictures: x, the noise ten times enlarged around grey, C(x), C(x*), and how far these two are apart
    by the largest of three colors, four times.
    """
    given, run = stage.parameters, stage.run
    objective, budget = given["objectives"][0], max(given["budgets"])
    own = measured[(measured["made_against"] == name) & (measured["coded_by"] == name) & ~measured["targeted"]]
    own = own[(own["objective"] == objective) & (own["budget"] == budget) & (own["attack"] != NOISE)]
    worst = own.loc[own["drop_src"].idxmax()]
    number = int(worst["image"])
    shard = number // run.entry("01_preprocessing")["parameters"]["shard_size"]
    wanted = set(measured["image"])
    place = [each for each in run.image_table(shard)["image"] if each in wanted].index(number)
    made = images_of(run, Trial(name, worst["attack"], objective, budget), shard)
    x, attacked = some_images(run, [number]), torch.from_numpy(made[place : place + 1].copy())
    codec = learned_codec(name, "cpu")
    clean, broken = codec.reconstruct(x), codec.reconstruct(attacked)
    noise = attacked.to(torch.int16) - x
    apart = (broken.to(torch.int16) - clean).abs().amax(1, keepdim=True)
    pictures = [
        x,
        (MIDDLE + ENLARGED * noise).clamp(0, 255),
        clean,
        broken,
        (APART * apart).clamp(max=255).expand_as(x),
    ]
    titles = ["x", f"x* − x, {ENLARGED} times", "C(x)", "C(x*)", f"apart, {APART} times"]
    captions = [
        f"image {number}",
        f"{worst['attack']}, {float(learned.psnr(attacked, x)):.1f} dB",
        f"{float(learned.psnr(clean, x)):.1f} dB to x",
        f"{float(learned.psnr(broken, x)):.1f} dB to x",
        f"to {int(apart.max())} grey levels",
    ]
    return torch.cat([picture.to(torch.uint8) for picture in pictures]).numpy(), titles, captions
