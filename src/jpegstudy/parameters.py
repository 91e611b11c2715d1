"""What each parameter of the notebooks may be: the driver and each notebook's first call check against this table.

Papermill checks neither names nor types (a string for a list would run until something breaks), so this does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jpegstudy.errors import BadInput

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"  # of a run


def _whole(low, high):
    return lambda value: type(value) is int and low <= value <= high


def _distinct_wholes(low, high):
    one = _whole(low, high)
    return lambda value: type(value) is list and value and all(map(one, value)) and len(set(value)) == len(value)


def _three_numbers(low, high):
    def one(value):
        return type(value) in (int, float) and low <= value <= high  # which no NaN is

    return lambda value: type(value) is list and len(value) == 3 and all(map(one, value))


def _text(pattern):
    return lambda value: type(value) is str and re.fullmatch(pattern, value)


def _distinct_names(value):
    return type(value) is list and value and all(map(_text(NAME), value)) and len(set(value)) == len(value)


def _distinct_texts(value):
    return _texts(value) and len(set(value)) == len(value)


def _texts(value):
    return type(value) is list and value and all(map(_text(r".*\S.*"), value))


def _some_texts(value):
    return value == [] or _distinct_texts(value)


def _distinct_numbers(value):
    return (
        type(value) is list
        and value
        and all(type(each) in (int, float) and 0 < each <= 255 for each in value)
        and len(set(value)) == len(value)
    )


def _mapping_of(**wanted):
    """A mapping with just these names, each accepted by its own predicate; or an empty one."""
    return lambda value: (
        type(value) is dict
        and (not value or (set(value) == set(wanted) and all(wanted[name](value[name]) for name in wanted)))
    )


def _mapping_of_some(**wanted):
    """A mapping with none but these names, each accepted by its own predicate."""
    return lambda value: (
        type(value) is dict and set(value) <= set(wanted) and all(wanted[name](value[name]) for name in value)
    )


def _steps(value):
    return value and all(map(_whole(1, 10**6), value.values()))


def _preprocessing(value):
    if type(value) is not dict or not set(value) <= {"crop", "mean", "deviation"}:
        return False
    means, deviations = (value.get(name, [0.5] * 3) for name in ("mean", "deviation"))
    return (
        _whole(1, 4096)(value.get("crop", 224))
        and _three_numbers(0, 1)(means)
        # a network that takes grey levels has 1/255; above 1, grey levels were given by mistake
        and _three_numbers(0.001, 1)(deviations)
    )


@dataclass(frozen=True)
class Parameter:
    """One parameter: a predicate, what it wants in words, and whether another value gives other results.

    Those that do not (batch size, device) may change when a run is taken up again.
    """

    accepts: Callable[[Any], Any]
    wanted: str
    affects_results: bool = True
    before: Any = None  # what it was, in effect, in runs made before there was the parameter


_TRIO = _mapping_of(before=_text(r".*\S.*"), after=_text(r".*\S.*"), control=_text(r".*\S.*"))

PARAMETERS = {
    "run": Parameter(_text(NAME), "a folder name of letters, digits, dots, dashes", False),
    "seed": Parameter(_whole(0, 2**32 - 1), "a whole number from 0 to 4294967295"),
    # 01_preprocessing
    "image_set": Parameter(_text(r".*\S.*"), "demo, photos, imagenette, imagenet, or the path of a folder"),
    "image_count": Parameter(_whole(0, 10**9), "a whole number; 0 takes every image"),
    "views": Parameter(_whole(1, 1000), "a whole number from 1 to 1000"),
    "shortest_side": Parameter(
        _whole(0, 4096), "a whole number of pixels to 4096; 0 is 256, or more for a network with a larger crop"
    ),
    "scale": Parameter(lambda value: type(value) is bool, "true or false", before=True),
    "shard_size": Parameter(_whole(1, 65536), "a whole number of images from 1 to 65536"),
    "network": Parameter(_text(r".*\S.*"), "a network's name, or package.module:factory"),
    "weights": Parameter(_text(r".*\S.*"), "DEFAULT, random, a name of torchvision's, or the path of a file"),
    "preprocessing": Parameter(
        _preprocessing,
        "a mapping with some of crop, mean and deviation: crop in whole pixels to 4096, mean three numbers from 0 to 1 "
        "and deviation three from 0.001 to 1, both of pixels in 0-1",
    ),
    "precision": Parameter(_text("float32|tf32|bfloat16"), "float32, tf32 or bfloat16"),
    # 02_attack, 03_compression, 04_jpeg_noise
    "epsilons": Parameter(
        _distinct_wholes(1, 255), "a list of different whole numbers of grey levels from 1 to 255, such as [1, 5, 10]"
    ),
    "qualities": Parameter(
        _distinct_wholes(1, 100), "a list of different whole numbers from 1 to 100 (libjpeg's quality), such as [75]"
    ),
    "quality": Parameter(_whole(1, 100), "a whole number from 1 to 100 (libjpeg's quality)"),
    "subsampling": Parameter(_text("4:4:4|4:2:2|4:2:0"), "4:4:4, 4:2:2 or 4:2:0"),
    "codec": Parameter(_text("auto|torch|libjpeg"), "auto, torch or libjpeg", False),  # which give the same pixels
    "batch_size": Parameter(_whole(1, 4096), "a whole number of images from 1 to 4096", False),
    "device": Parameter(_text(r"auto|cpu|mps|cuda(:\d+)?"), "auto, cpu, cuda, cuda:N or mps", False),
    # 06_reading_the_paper
    "reading": Parameter(
        lambda value: type(value) is dict and all(type(name) is str for name in value),
        "a mapping of choices, such as {epsilon_unit: standardized, values: float}, or {} for none of your own",
    ),
    "source_run": Parameter(
        _text(f"({NAME})?"), 'the name of a run whose perturbations are taken, or "" for the network\'s own', before=""
    ),
    # 08_feature_distillation
    "defenses": Parameter(_distinct_texts, "a list of different transforms, such as [JPG, FD, FD8-v1]"),
    "shifted": Parameter(_some_texts, "a list of some of the defenses, such as [FD8], or []"),
    "sweep": Parameter(
        _mapping_of(
            images=_whole(2, 10**9),
            epsilon=_whole(1, 255),
            bands=_distinct_wholes(0, 64),
            sensitive=_distinct_wholes(1, 255),
            others=_distinct_wholes(1, 255),
        ),
        "a mapping such as {images: 200, epsilon: 2, bands: [6, 15], sensitive: [1, 25], others: [40, 60]}, steps from "
        "1 to 255, or {} for none",
    ),
    "attackers": Parameter(
        _mapping_of(images=_whole(1, 10**9), epsilons=_distinct_numbers),
        "a mapping such as {images: 50, epsilons: [1, 1.5, 2]}, in grey levels, or {} for none",
    ),
    # 09_adaptive_attacks
    "attacks": Parameter(_distinct_texts, "a list of different attacks, such as [Adv2, PGD2, CW]"),
    "protocols": Parameter(
        lambda value: _distinct_names(value) and set(value) <= {"oblivious", "knowing"},
        "a list of oblivious, knowing or both",
    ),
    "twice": Parameter(_some_texts, "a list of some of the defenses, such as [FD], or []"),
    "crossed": Parameter(_some_texts, "a list of some of the defenses, such as [JPG, JPG50], or []"),
    "unrounded": Parameter(_some_texts, "a list of attacks, such as [DF, CW], or []"),
    "images": Parameter(_whole(0, 10**9), "a whole number of images; 0 takes all of the run's"),
    "effort": Parameter(
        _mapping_of_some(
            steps=_whole(1, 10**6),
            restarts=_whole(1, 1000),
            draws=_whole(1, 10**4),
            queries=_whole(1, 10**6),
            searches=_whole(1, 100),
            search_steps=_whole(1, 10**5),
        ),
        "a mapping of whole numbers with some of steps, restarts, draws, queries, searches and search_steps, such as "
        "{steps: 40}",
    ),
    "dormant": Parameter(
        _mapping_of(epsilon=_whole(1, 255), aimed=_distinct_wholes(1, 100), qualities=_distinct_wholes(1, 100)),
        "a mapping such as {epsilon: 2, aimed: [75], qualities: [90, 75, 50]}, or {} for none",
    ),
    "masking": Parameter(
        _mapping_of(defenses=_distinct_texts, images=_whole(1, 10**9), epsilon=_whole(1, 127)),
        "a mapping such as {defenses: [JPG, FD], images: 20, epsilon: 2}, or {} for none",
    ),
    "timing_rounds": Parameter(_whole(0, 100), "a whole number of rounds to 100; 0 times nothing", False),
    # 10_learned_codecs
    "codecs": Parameter(_distinct_texts, "a list of different learned codecs, such as [NIC, NIC-small_mean]"),
    "codec_attacks": Parameter(
        lambda value: type(value) is dict and all(type(each) is str for each in value) and _steps(value),
        "a mapping of attacks to their steps, such as {L2-PGD: 40, Gaussian: 1}",
    ),
    "budgets": Parameter(
        lambda value: _distinct_numbers(value) and max(value) < 1,
        "a list of different mean squared errors above 0 and below 1, such as [0.0001, 0.001]",
    ),
    "objectives": Parameter(_distinct_texts, "a list of some of mse, ms-ssim and rate, such as [mse, rate]"),
    "targeted": Parameter(lambda value: type(value) is bool, "true or false"),
    "transferred": Parameter(lambda value: type(value) is bool, "true or false"),
    "ensembled": Parameter(_some_texts, "a list of some of the codecs, such as [NIC], or []"),
    "hardened": Parameter(
        lambda value: _TRIO(value) or _mapping_of(run=_text(NAME))(value),
        "a mapping such as {before: NIC, after: NIC-small_hardened, control: NIC-small_control}, or of a run that has "
        "one, {run: learned_hardening}, or {}",
        False,
    ),
    # 11_why
    "fractions": Parameter(_distinct_numbers, "a list of different numbers of grey levels, such as [0.25, 0.5, 1]"),
    "ladder": Parameter(
        _mapping_of(epsilon=_whole(1, 255), bands=lambda value: type(value) is bool),
        "a mapping such as {epsilon: 1, bands: true}, or {} for none",
    ),
    "attacked_images": Parameter(_whole(1, 10**9), "a whole number of images, 1 or more"),
    # 07_networks
    "runs": Parameter(_distinct_names, "a list of different runs' names, such as [demo, sweep]", False),
    # 12_trained_on_jpeg
    "trained_on": Parameter(_texts, "a list as long as runs, such as [jpeg, jpeg, lossless, lossless]", False),
    # 05_analysis
    "example": Parameter(
        _whole(-1, 10**9), "the number of an image, or -1 for the one that shows the effect best", False
    ),
    "wanted_half_width": Parameter(
        lambda value: type(value) is float and 0.001 <= value <= 0.49, "a number from 0.001 to 0.49", False
    ),
    "show_images": Parameter(lambda value: type(value) is bool, "true or false", False),
}


def check(values):
    """Refuse the first of ``values`` (name -> value) that is unknown, of the wrong type or out of range.

    Raises BadInput naming the parameter, the value given and what is wanted.
    """
    for name, value in values.items():
        if name not in PARAMETERS:
            raise BadInput(f"there is no parameter {name!r}; there are {', '.join(sorted(PARAMETERS))}")
        parameter = PARAMETERS[name]
        if not parameter.accepts(value):
            kind = re.match("a (list|mapping) ", parameter.wanted)
            hint = ""
            if type(value) is str and kind:
                hint = f" (papermill's -p passes a {kind[1]} as text: use -y '{name}: ...')"
            raise BadInput(f"{name} is {value!r}; wanted: {parameter.wanted}{hint}")


def affecting(values):
    """The part of ``values`` that decides the results of a stage."""
    return {name: value for name, value in values.items() if PARAMETERS[name].affects_results}
