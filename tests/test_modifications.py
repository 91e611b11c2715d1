import itertools

import pytest
import torch

from jpegstudy import attacks, jpeg, modifications
from jpegstudy.errors import BadInput
from jpegstudy.modifications import Modification, adversarial, apply_all, named, parse
from jpegstudy.transforms import JpegNoise
from tests.conftest import noise

TRANSFORMS = ["JPG", "JPG50", "JPG75-444", "JPG1-422", "JPGnoise", "JPGnoise50", "JPGnoise75-444"]


@pytest.mark.parametrize(
    "text",
    [
        "x", "Adv1(x)", "Adv255(x)", "Adv1[mobilenet_v2](x)", "Adv10[my.net-2](x)", *(f"{t}(x)" for t in TRANSFORMS),
        *(f"{t}(Adv5[vit_b_16](x))" for t in TRANSFORMS),
        *(f"{a}({b}(Adv10(x)))" for a, b in itertools.product(TRANSFORMS, repeat=2)),
    ],
)  # fmt: skip
def test_parser_and_printer_are_inverses(text):
    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)


def test_what_says_the_same_is_printed_the_same():
    assert str(parse(" JPG75( Adv1(x) ) ")) == "JPG(Adv1(x))"
    assert str(parse("JPG75-420(x)")) == "JPG(x)"
    assert str(named("JPG", adversarial(5), quality=50)) == "JPG50(Adv5(x))"


@pytest.mark.parametrize(
    "text",
    [
        "", "y", "JPG", "JPG()", "JPG(x", "Adv(x)", "Adv1.5(x)", "JPG50-411(x)", "JPEG(x)", "jpg(x)", "JPG-(x)",
        "Adv1[](x)", "Adv[a](x)", "Adv1[a b](x)", "Adv1[a](b](x)", "Adv1[a:b](x)", "Adv1[a", "JPG75[a](x)",
    ],
)  # fmt: skip
def test_other_text_is_refused_with_an_example(text):
    with pytest.raises(BadInput, match=r"not understood.*JPG\(Adv1\(x\)\)"):
        parse(text)


@pytest.mark.parametrize("text", ["Adv1(JPG(x))", "JPG(Adv1(JPG(x)))", "Adv1(Adv1(x))"])
def test_an_attack_stands_innermost(text):
    with pytest.raises(BadInput, match="stands innermost"):
        parse(text)


@pytest.mark.parametrize(("text", "message"), [("Adv0(x)", "epsilon is 0"), ("Adv256(x)", "256"), ("JPG101(x)", "101")])
def test_settings_out_of_range_are_refused(text, message):
    with pytest.raises(BadInput, match=message):
        parse(text)


def test_columns_name_the_parts():
    assert parse("JPGnoise50(Adv5(x))").columns == {
        "attack": "Adv", "epsilon": 5, "transform": "JPGnoise", "quality": 50,
    }  # fmt: skip
    assert set(parse("x").columns.values()) == {None}


def test_an_attack_made_against_another_network_is_another_attack():
    f = adversarial(5, "resnet50")
    assert str(f) == "Adv5[resnet50](x)"
    assert f != adversarial(5)
    assert parse("JPG(Adv5[resnet50](x))") == named("JPG", f)
    assert named("JPG", f).columns == {"attack": "Adv[resnet50]", "epsilon": 5, "transform": "JPG", "quality": 75}
    images, sign = noise(2, 3, 16, 16), torch.randint(-1, 2, (2, 3, 16, 16), dtype=torch.int8)
    assert torch.equal(f.apply(images, sign), adversarial(5).apply(images, sign))
    with pytest.raises(BadInput, match="stands innermost"):
        parse("Adv1[a](Adv1(x))")


def test_apply_is_what_the_notation_says():
    images, sign = noise(2, 3, 16, 16), torch.randint(-1, 2, (2, 3, 16, 16), dtype=torch.int8)
    adv = attacks.perturb(images, sign, epsilon=5)
    assert torch.equal(parse("x").apply(images, sign), images)
    assert torch.equal(
        parse("JPG50-444(Adv5(x))").apply(images, sign), jpeg.roundtrip(adv, quality=50, subsampling="4:4:4")
    )
    expected = JpegNoise()(adv, seed=1, indices=[8, 9])
    assert torch.equal(parse("JPGnoise(Adv5(x))").apply(images, sign, seed=1, indices=[8, 9]), expected)


def test_apply_all_is_apply_of_each():
    wanted = [
        parse(t)
        for t in ("JPG(Adv1(x))", "x", "JPGnoise(Adv1(x))", "Adv5(x)", "JPGnoise(Adv5(x))", "JPG50(x)", "JPG(x)")
    ]
    images, sign = noise(3, 3, 16, 16), torch.randint(-1, 2, (3, 3, 16, 16), dtype=torch.int8)
    settings = {"seed": 2, "indices": [0, 7, 9]}
    for f, result in zip(wanted, apply_all(wanted, images, sign, **settings), strict=True):
        assert torch.equal(result, f.apply(images, sign, **settings)), str(f)


def test_every_operation_is_an_attack_or_a_registered_transform():
    assert set(modifications.OPERATIONS) == {*modifications.ATTACKS, *modifications.TRANSFORMS}
    assert Modification() == parse("x")
