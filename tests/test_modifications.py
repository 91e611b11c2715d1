import itertools
import re

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
        "Adv0.5(x)", "FD(PGD2(FD(x)))", "FD8-v1(BIM4(x))", "FD-15:1:40+4(DCT1.75(FD(x)))", "PGD2{JPG50}(x)",
        "PGDL2-300(x)", "CW(x)", "GAUSS0.5(Adv1(x))", "SLQ(x)", "WEBP50(x)",
        "NIC(Adv1(x))", "NIC-hardened(PGD2{NIC[my/w.pth.tar]}(x))", "NIC[../w.safetensors](x)",
        "my_package.defenses:blur(Adv1(x))", "JPG(DF(x))", "SQ8{FD8-flat30}[vit_b_16](x)",
        "Adv1(JPG(x))", "JPG(Adv1(JPG(x)))",
    ],
)  # fmt: skip
def test_parser_and_printer_are_inverses(text):
    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)


def test_what_says_the_same_is_printed_the_same():
    assert str(parse(" JPG75( Adv1(x) ) ")) == "JPG(Adv1(x))"
    assert str(parse("JPG75-420(x)")) == "JPG(x)"
    assert str(parse("NIC-small(x)")) == "NIC(x)"
    assert str(named("JPG", adversarial(5), quality=50)) == "JPG50(Adv5(x))"


@pytest.mark.parametrize("text", ["", "y", "JPG", "JPG(x", "Adv1[a", "x(x", "JPG(x)x"])
def test_other_text_is_refused_with_an_example(text):
    with pytest.raises(BadInput, match=r"not understood.*JPG\(Adv1\(x\)\)"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "JPG()", "Adv(x)", "JPEG(x)", "jpg(x)", "Adv1[](x)", "Adv[a](x)", "Adv1[a b](x)", "Adv1[a](b](x)",
        "Adv1[a:b](x)", "PGD(x)", "PGDL2300(x)", "CW5(x)", "PGD2{}(x)", "Adv1.(x)",
    ],
)  # fmt: skip
def test_steps_that_are_none_are_refused(text):
    with pytest.raises(BadInput, match=r"modification .* is not understood"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("JPG50-411(x)", "JPG has no settings '50-411'; wanted such as JPG50 or JPG75-444"),
        ("JPG-(x)", "JPG has no settings '-'"),
        ("JPG75[a](x)", "JPG has no settings"),
        ("FD-v2(x)", "FD has no settings '-v2'; wanted FD, FD-v1"),
        ("FD-flat0(x)", "a step of 0; wanted 1 to 255"),
        ("PGD2{JPG500}(x)", "quality is 500"),
        ("PGD2{Adv1}(x)", "'Adv1' is an attack; wanted a transform, such as JPG50"),
        ("JPEG(x)", "there is no transform 'JPEG'; nearest: JPG"),
        ("PDG2(x)", "of attacks the nearest: PGD"),
        ("Adv(x)", "Adv has no settings ''; wanted such as Adv2, Adv2{JPG} through a defense"),
        ("Adv1(Adv1(x))", "holds two attacks; wanted one at most"),
        ("Adv1[a](JPG(PGD1(x)))", "holds two attacks"),
    ],
)
def test_what_is_wrong_is_named(text, told):
    with pytest.raises(BadInput, match=re.escape(told)):
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


def test_what_is_attacked_and_what_defends_are_its_parts():
    two_passes = parse("FD(PGD2{JPG}(FD(x)))")
    assert (str(two_passes.base), str(two_passes.attack)) == ("FD(x)", "PGD2{JPG}")
    assert two_passes.defense == modifications.transform("FD")
    assert parse("Adv1(FD(x))").defense is None
    assert parse("Adv1(FD(x))").columns == {"attack": "Adv", "epsilon": 1, "transform": None, "quality": None}
    assert parse("JPG(x)").attack is None
    assert parse("JPG(x)").base == parse("JPG(x)")
    assert Modification() == parse("x")


@pytest.mark.parametrize("text", ["PGD1(x)", "Adv1(JPG(x))", "Adv1{JPG}(x)"])
def test_what_a_run_does_not_hold_cannot_be_made_again(text):
    images, sign = noise(2, 3, 16, 16), torch.zeros(2, 3, 16, 16, dtype=torch.int8)
    with pytest.raises(BadInput, match="made by the notebook that measures it"):
        parse(text).apply(images, sign)


def test_the_notation_knows_the_attacks_that_there_are():
    assert set(modifications.ATTACKS) == set(attacks.ATTACKS)


def test_no_name_is_both_an_attack_and_a_transform():
    assert not set(modifications.ATTACKS) & set(modifications.TRANSFORMS)
