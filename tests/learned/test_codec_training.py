"""Training and fine-tuning of a tiny codec: what a step does, what resumes, and what is refused."""

import copy

import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.learned import Shape, build
from jpegstudy.learned.attack import l2_pgd
from jpegstudy.learned.finetuning import attacked_of, finetune, ramped
from jpegstudy.learned.training import drawn, loss_of, optimizers_of, rate_at, step, train
from tests.learned.conftest import photographs

TINY = Shape("factorized", 4, 6, layers=2)
SETTINGS = {"steps": 4, "trade_off": 0.01, "crop": 16, "batch": 2, "report": 2}


def weights(codec):
    return {name: value.clone() for name, value in codec.named_parameters()}


def same(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture
def codec():
    return build(TINY)


def run(codec, path, **more):
    return list(train(codec, photographs(40, 36), checkpoint=path, **{**SETTINGS, **more}))


def harden(codec, path, **more):
    settings = {**SETTINGS, "mse_budget": 1e-3, "attack_steps": 2, "ramp": 2, **more}
    return list(finetune(codec, photographs(40, 36), checkpoint=path, **settings))


def test_training_lowers_the_loss(codec, tmp_path):
    rows = run(codec, tmp_path / "c", steps=40, report=10, rate=5e-3, batch=4)
    assert [row["step"] for row in rows] == [10, 20, 30, 40]
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
    assert not codec.training


@pytest.mark.parametrize("way", [run, harden])
def test_what_was_stopped_ends_with_the_same_weights(way, tmp_path):
    whole, stopped = build(TINY), build(TINY)
    rows = way(whole, tmp_path / "whole")
    settings = {**SETTINGS, "checkpoint": tmp_path / "part"}
    more = {} if way is run else {"mse_budget": 1e-3, "attack_steps": 2, "ramp": 2}
    going = (train if way is run else finetune)(stopped, photographs(40, 36), **settings, **more)
    assert next(going) == rows[0]
    going.close()
    torch.rand(3)  # other random numbers in between change nothing
    again = build(TINY)
    assert way(again, tmp_path / "part") == rows
    assert same(weights(whole), weights(again))


def test_equal_seeds_give_equal_weights_and_others_do_not(tmp_path):
    numbers = torch.get_rng_state()
    codecs = [build(TINY) for _ in range(3)]
    for codec, seed in zip(codecs, (0, 0, 1), strict=True):
        run(codec, tmp_path / f"{id(codec)}", seed=seed)
    assert same(weights(codecs[0]), weights(codecs[1]))
    assert not same(weights(codecs[0]), weights(codecs[2]))
    assert torch.equal(numbers, torch.get_rng_state())


def test_fine_tuning_with_no_attacks_is_training(tmp_path):
    plain, control = build(TINY), build(TINY)
    rows = run(plain, tmp_path / "a", rate=2e-4)
    assert harden(control, tmp_path / "b", mix=0) == rows
    assert same(weights(plain), weights(control))


def test_fine_tuning_attacks_what_it_says(codec, tmp_path):
    rows = harden(codec, tmp_path / "c", mix=0.5)
    assert all(row["attacked"] > 0 for row in rows)
    other = build(TINY)
    harden(other, tmp_path / "d", mix=0)
    assert not same(weights(codec), weights(other))


def test_a_few_steps_lower_the_loss_on_the_attacked_batch(codecs):
    codec = copy.deepcopy(codecs["factorized"])
    attacked = l2_pgd(codec, photographs(32, 32), mse_budget=1e-3, steps=5).images
    optimizers = optimizers_of(codec, 1e-3)
    before = loss_of(codec.eval(), attacked, 0.02)[1]["loss"]
    for _ in range(5):
        step(codec, optimizers, attacked, 0.02)
    assert loss_of(codec.eval(), attacked, 0.02)[1]["loss"] < before


def test_a_step_moves_medians_and_streams_are_still_those_of_the_weights(codecs):
    codec, images = copy.deepcopy(codecs["mean-scale"]), photographs(24, 20)
    stream, medians = codec.encode(images)[0], codec.entropy_bottleneck.medians.clone()
    step(codec, optimizers_of(codec, 1e-3), images, 0.02)
    assert not torch.equal(medians, codec.entropy_bottleneck.medians)
    assert codec.training
    with pytest.raises(BadInput, match="the stream was written by codec"):
        codec.decode(stream)
    assert torch.equal(codec.decode(codec.encode(images)[1]), codec.reconstruct(images)[1])


def test_the_loss_is_the_papers():
    codec, crops = build(TINY), photographs(16, 16)
    loss, row = loss_of(codec, crops, 0.01)
    coded = codec(crops.float() / 255)
    mse = (coded.reconstruction - crops.float() / 255).square().mean()
    assert loss.item() == pytest.approx((0.01 * 255**2 * mse + coded.bits.mean() / 256).item(), rel=1e-5)
    assert row["distortion"] == pytest.approx(mse.item(), rel=1e-5)


def test_ms_ssim_can_be_trained_for(codec, tmp_path):
    settings = {**SETTINGS, "steps": 1, "crop": 161, "batch": 1, "trade_off": 8.73, "distortion": "ms-ssim"}
    rows = list(train(codec, photographs(170, 161), checkpoint=tmp_path / "c", **settings))
    assert 0 < rows[0]["distortion"] < 1


def test_crops_follow_from_the_seed_and_the_update():
    images = photographs(40, 36)
    assert drawn(images, 16, 3, 0, 5).shape == (3, 3, 16, 16)
    assert torch.equal(drawn(images, 16, 3, 0, 5), drawn(images, 16, 3, 0, 5))
    assert not torch.equal(drawn(images, 16, 3, 0, 5), drawn(images, 16, 3, 0, 6))


def test_schedules():
    assert [ramped(1e-3, update, 4) for update in (0, 3, 100)] == pytest.approx([2.5e-4, 1e-3, 1e-3])
    assert [attacked_of(mix, 8) for mix in (0, 0.01, 0.5, 1)] == [0, 1, 4, 8]
    assert [rate_at(update, 11, 1.0, 0.2) for update in (0, 5, 10)] == pytest.approx([1, 0.6, 0.2])
    assert rate_at(3, 11, 1.0, None) == 1


def test_a_checkpoint_of_other_settings_images_or_weights_is_refused(codec, tmp_path):
    run(codec, tmp_path / "c", steps=2)
    with pytest.raises(BadInput, match="c is of another steps, trade_off; delete it to start anew"):
        run(build(TINY), tmp_path / "c", steps=3, trade_off=0.02)
    with pytest.raises(BadInput, match="c is of another start"):
        run(build(TINY, seed=1), tmp_path / "c", steps=2)
    with pytest.raises(BadInput, match="another mse_budget, mix"):
        harden(build(TINY), tmp_path / "c", steps=2, rate=1e-3)
    with pytest.raises(BadInput, match="c is of another images"):
        list(train(build(TINY), photographs(40, 35), checkpoint=tmp_path / "c", **{**SETTINGS, "steps": 2}))


@pytest.mark.parametrize("contents", [b"", b"not a checkpoint", "another"])
def test_a_file_that_is_no_checkpoint_is_refused(codec, tmp_path, contents):
    if contents == "another":
        torch.save({"weights": torch.zeros(2)}, tmp_path / "c")
    else:
        (tmp_path / "c").write_bytes(contents)
    with pytest.raises(BadInput, match=r"c is no checkpoint \(.*\); delete it to start anew"):
        run(codec, tmp_path / "c")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"crop": 37}, "crop is 37; wanted 1 to 36 pixels"),
        ({"distortion": "psnr"}, "distortion is 'psnr'; wanted mse or ms-ssim"),
        ({"distortion": "ms-ssim"}, "crop is 16; wanted 161"),
        ({"rate": 0}, "rate is 0; wanted a number above 0"),
        ({"last_rate": -1}, "last_rate is -1; wanted a number from 0, or None"),
        ({"mix": 1.5}, r"mix is 1\.5; wanted a share"),
        ({"mse_budget": 2}, "mse_budget is 2; wanted"),
    ],
)
def test_other_settings_are_refused(codec, tmp_path, wrong, said):
    with pytest.raises(BadInput, match=said):
        harden(codec, tmp_path / "c", **wrong)


def test_a_loss_that_is_not_finite_stops(codec, tmp_path):
    with torch.no_grad():
        codec.g_s[0].bias.fill_(torch.nan)
    with pytest.raises(BadInput, match="the loss is nan at update 1; give a lower rate"):
        run(codec, tmp_path / "c")
