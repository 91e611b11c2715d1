"""Attacks on learned codecs and on JPEG at their rate, on five small images in two shards."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from jpegstudy import learned, steps
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import roundtrip
from jpegstudy.learned import Shape
from jpegstudy.statistics import codec_words
from jpegstudy.steps import codec_attacks, codec_trials
from jpegstudy.steps.codec_trials import Trial
from tests.conftest import studied, write_image

STAGE = "10_learned_codecs"


@pytest.fixture(scope="module")
def this(tmp_path_factory):
    """(a run with its measurements of 10, what was given), which tests only look at."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("coded")
        patch.setenv("JPEGSTUDY_OUTPUTS", str(folder / "outputs"))
        for number in range(5):
            write_image(folder / "set" / f"{number}.png", seed=number)
        run = studied(folder / "set")
        names = []
        for seed, prior in enumerate(("factorized", "mean-scale")):
            path = folder / f"{prior}.safetensors"
            learned.save(learned.build(Shape(prior, 4, 6, layers=2), seed=seed), path)
            names.append(f"NIC[{path}]")
        path.with_suffix(".json").write_text(json.dumps({"distortion": "mse", "trade_off": 0.01}))
        given = {
            "codecs": names, "hardened": {}, "ensembled": names[:1], "budgets": [0.0005, 0.002],
            "codec_attacks": {"L2-PGD": 2, "FTDA": 2, "Gaussian": 1}, "objectives": ["mse", "rate"], "targeted": True,
            "transferred": True, "images": 4, "seed": 3, "batch_size": 2, "device": "cpu",
        }  # fmt: skip
        steps.attack_codecs(run.stage(STAGE, **given))
        yield run, given


@pytest.fixture
def measured(this):
    return this[0].predictions(STAGE)


def test_every_trial_is_measured_on_the_first_images(this, measured):
    _, given = this
    own = measured[measured.made_against == measured.coded_by]
    counts = own.groupby(["coded_by", "attack", "objective", "budget", "targeted"]).image.agg(["size", "nunique"])
    assert (counts == 4).all().all()
    first, second = given["codecs"]
    learned_ones = own[own.coded_by == second].drop_duplicates(["attack", "objective", "budget", "targeted"])
    assert len(learned_ones) == 3 * 2 + 1 + 1  # attacks by budgets, the rate, and a target
    behind = own[own.coded_by == f"8 × {first}"].drop_duplicates(["attack", "objective", "budget", "targeted"])
    assert sorted(set(behind.attack)) == ["Gaussian", "L2-PGD"]
    jpegs = own[own.coded_by.str.match(r"JPG\d+$")]
    assert {"quantizer flip", "straight-through"} < set(jpegs.attack)
    assert "rate" not in set(jpegs.objective)  # it has no gradient


def test_budgets_are_kept_and_noise_spends_its_own(measured):
    assert (measured.psnr_in >= -10 * np.log10(measured.budget) - 1e-6).all()
    noise = measured[measured.attack == "Gaussian"]
    np.testing.assert_allclose(noise.psnr_in, -10 * np.log10(noise.budget), atol=0.15)


def test_measures_are_of_the_images_that_are_kept(this, measured):
    run, given = this
    name = given["codecs"][0]
    trial = Trial(name, "L2-PGD", "mse", 0.002)
    kept = torch.from_numpy(np.concatenate([codec_attacks.images_of(run, trial, shard) for shard in run.shards[:1]]))
    rows = measured[(measured.made_against == name) & (measured.attack == "L2-PGD") & (measured.budget == 0.002)]
    rows = rows[(rows.coded_by == name) & ~rows.targeted].set_index("image").loc[run.image_numbers()[:4]]
    x = steps.some_images(run, run.image_numbers()[:4])
    codec = steps.learned_codec(name, "cpu")
    np.testing.assert_allclose(rows.psnr_in, learned.psnr(kept, x))
    np.testing.assert_allclose(rows.psnr_adv_src, learned.psnr(codec.reconstruct(kept), x))
    assert rows.bits_adv.tolist() == codec.bits(kept).tolist()


def test_codecs_code_what_was_made_against_each_other(this, measured):
    run, given = this
    other = measured[measured.made_against != measured.coded_by]
    assert set(other.budget) == {0.0005}
    assert not other.targeted.any()
    jpeg = run.entry(STAGE)["jpeg_of_equal_rate"][given["codecs"][0]]
    flipped = other[(other.made_against == jpeg) & (other.coded_by == given["codecs"][0])]
    assert set(flipped.attack) == {"quantizer flip"}
    assert len(flipped) == 4


def test_the_jpeg_of_equal_rate_is_the_nearest(this):
    run, _ = this
    x = steps.some_images(run, run.image_numbers()[:4])
    for name, jpeg in run.entry(STAGE)["jpeg_of_equal_rate"].items():
        wanted = steps.learned_codec(name, "cpu").bits(x).double().mean()
        quality = int(jpeg.removeprefix("JPG"))
        apart = {
            near: abs(float(learned.jpeg_codec.Jpeg(near).bits(x).double().mean() - wanted))
            for near in range(max(1, quality - 1), min(100, quality + 1) + 1)
        }
        assert apart[quality] == min(apart.values())
    assert torch.equal(learned.jpeg_codec.Jpeg(quality).reconstruct(x), roundtrip(x, quality=quality))


def test_a_target_is_another_image_of_the_study(measured):
    aimed = measured[measured.targeted]
    assert aimed.target_psnr_adv.notna().all()
    rest = measured[~measured.targeted]
    noise = (rest.attack == "Gaussian") & (rest.budget == 0.002) & (rest.made_against == rest.coded_by)
    assert rest[noise].target_psnr_adv.notna().all()
    assert rest[~noise].target_psnr_adv.isna().all()
    table = codec_words.targets(measured)
    assert table.columns.tolist() == ["before, dB", "under noise, dB", "attacked, dB"]
    assert table.notna().all().all()
    assert set(table.index) == set(aimed.coded_by)


def test_a_target_is_the_image_before_it(this, measured):
    run, given = this
    numbers = run.image_numbers()[:4]
    name = run.entry(STAGE)["jpeg_of_equal_rate"][given["codecs"][0]]
    x = learned.jpeg_codec.Jpeg(int(name.removeprefix("JPG"))).reconstruct(steps.some_images(run, numbers))
    rows = measured[measured.targeted & (measured.coded_by == name)].set_index("image").loc[numbers]
    np.testing.assert_allclose(rows.target_psnr_clean, learned.psnr(x, x.roll(1, 0)))
    assert np.isfinite(rows.target_psnr_clean).all()  # infinite where an image is its own target


def test_codecs_that_changed_since_are_refused(this, monkeypatch):
    run, given = this
    stage = run.stage(STAGE, **given)
    before = stage.last_file(0).read_bytes()
    changed = codec_trials.codec_in_words
    monkeypatch.setattr(codec_trials, "codec_in_words", lambda codec: changed(codec).replace("factorized", "another"))
    with pytest.raises(BadInput, match=r"codec NIC.* was factorized prior, \w+ when run 'test' was begun, and is anot"):
        steps.attack_codecs(stage)
    assert stage.last_file(0).read_bytes() == before


def test_a_run_goes_on_where_it_stopped_and_makes_the_same(this):
    run, given = this
    stage = run.stage(STAGE, **given)
    before = stage.last_file(0).read_bytes()
    kept = next((run.path / "coded").glob("*FTDA*")) / "00000.npy"
    images = np.load(kept)
    kept.unlink()
    stage.last_file(0).unlink()
    steps.attack_codecs(run.stage(STAGE, **given))
    assert (np.load(kept) == images).all()
    assert stage.last_file(0).read_bytes() == before


def test_no_jpeg_goes_beyond_its_bound(this, measured):
    run, given = this
    table = steps.jpeg_bounds(run.stage(STAGE, **given))
    assert (table.measured <= table.bound).all()
    assert (table.n == 4).all()
    own = measured[measured.made_against.str.match(r"JPG\d+$") & (measured.made_against == measured.coded_by)]
    trials = ["coded_by", "attack", "objective", "budget", "targeted"]
    assert len(table) == len(own.drop_duplicates(trials))
    assert (table.spent > 0).all()
    assert len(codec_words.bounds(table)) == table.groupby(["codec", "budget"]).ngroups


def test_pictures_show_the_damage(this, measured):
    run, given = this
    pictures, titles, captions = steps.damage(run.stage(STAGE, **given), measured, given["codecs"][0])
    assert pictures.dtype == np.uint8
    assert len(pictures) == len(titles) == len(captions) == 5
    worst = measured[(measured.coded_by == given["codecs"][0]) & (measured.made_against == measured.coded_by)]
    worst = worst[(worst.budget == 0.002) & ~worst.targeted & (worst.attack != "Gaussian")]
    assert captions[0] == f"image {worst.loc[worst.drop_src.idxmax()].image}"


def test_what_codecs_differ_in_is_read_beside_their_weights(this):
    names = this[1]["codecs"]
    kinds = steps.kinds_of(names)
    assert list(kinds["architecture of the prior"].values()) == ["factorized", "mean-scale"]
    assert kinds["loss"] == {names[1]: "mse"}
    assert kinds["quality scale"] == {names[1]: 0.01}
    shipped = steps.kinds_of(["NIC", "NIC-small_high", "NIC-small_msssim"])
    assert shipped["loss"]["NIC-small_msssim"] == "ms-ssim"
    assert set(shipped["quality scale"]) == {"NIC", "NIC-small_high"}  # its weight is that of another loss


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"codecs": ["JPG"]}, "codecs names 'JPG'; wanted learned codecs"),
        ({"ensembled": ["NIC"]}, "ensembled names 'NIC', which is not among the codecs"),
        ({"hardened": {"before": "NIC-mine"}}, "hardened names 'NIC-mine' as before, which is not among the codecs"),
        ({"codec_attacks": {"PGD": 3}}, "there is no attack on codecs 'PGD'"),
        ({"codec_attacks": {"L2-PGD": 3}}, "codec_attacks lacks Gaussian"),
        ({"objectives": ["psnr"]}, "there is no objective 'psnr'"),
        ({"images": 1}, "targeted is true with one image; wanted two at least"),
        ({"images": 30}, "images is 30; run 'test' has 5"),
    ],
)
def test_wrong_input_is_refused_in_one_line(this, changed, message):
    run, given = this
    stage = run.stage(STAGE, **given)
    stage.parameters = {**given, **changed}
    with pytest.raises(BadInput, match=message):
        steps.attack_codecs(stage)


def test_a_budget_that_cannot_be_kept_names_the_image_and_leaves_what_is_there(this):
    run, given = this
    stage = run.stage(STAGE, **given)
    before = stage.last_file(0).read_bytes()
    stage.last_file(0).unlink()
    stage.parameters = {**given, "budgets": [0.01]}
    with pytest.raises(BadInput, match=r"image \d cannot take noise of mse_budget 0\.01"):
        steps.attack_codecs(stage)
    steps.attack_codecs(run.stage(STAGE, **given))
    assert stage.last_file(0).read_bytes() == before


def test_without_transfer_each_codec_codes_its_own_only(this):
    trial = Trial("NIC", "L2-PGD", "mse", 0.001)
    given = {"transferred": True, "objectives": ["mse"], "budgets": [0.001, 0.01]}
    assert codec_trials.goes_round(trial, given)
    assert not codec_trials.goes_round(trial, {**given, "transferred": False})
    for other in (("NIC", "FTDA", "mse", 0.001), ("NIC", "L2-PGD", "mse", 0.01), ("JPG20", "L2-PGD", "mse", 0.001)):
        assert not codec_trials.goes_round(Trial(*other), given)
    assert codec_trials.goes_round(Trial("JPG20", "quantizer flip", "mse", 0.001), given)
    assert pd.Series([Trial("NIC", a, "mse", b).folder for a in ("a", "b") for b in (0.001, 0.01)]).is_unique
