import numpy as np
import pytest
import torch
from skimage import data
from skimage.restoration import denoise_tv_bregman, denoise_tv_chambolle

from jpegstudy.errors import BadInput
from jpegstudy.transforms import TotalVariation
from jpegstudy.transforms.total_variation import filled, minimize, objective
from tests.conftest import noise

WEIGHT = 1 / 0.03


def photograph(size=48):
    """The middle of a photograph: uint8 (1, 3, size, size)."""
    return torch.from_numpy(data.astronaut()[80 : 80 + size, 200 : 200 + size].transpose(2, 0, 1).copy())[None]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Images this small take longer by several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def values():
    return photograph().float() / 255


@pytest.fixture(scope="module")
def mask(values):
    return (torch.rand(values.shape, generator=torch.Generator().manual_seed(0)) >= 0.5).float()


def test_the_objective_by_hand():
    u = torch.tensor([[[[0.0, 3.0], [4.0, 0.0]]]])
    values = torch.tensor([[[[1.0, 0.0], [4.0, 2.0]]]])
    mask = torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])
    # lengths: (3, 4) has 5, then 3 downwards, 4 to the right and 0; data: 1 + 0 + 4, the second being dropped
    assert objective(u, values, mask, 10).tolist() == [5 + 3 + 4 + 10 / 2 * 5]


def test_without_a_mask_it_is_rudin_osher_and_fatemis_minimum(values):
    """scikit-image's Chambolle has the same minimum, by another method: |u - f|^2 / 2 + 1/weight TV(u)."""
    everything = torch.ones_like(values)
    u = minimize(values, everything, WEIGHT, 200)
    theirs = np.stack([denoise_tv_chambolle(c, 1 / WEIGHT, eps=1e-8, max_num_iter=2000) for c in values[0].numpy()])
    theirs = torch.from_numpy(theirs)[None]
    least = objective(theirs, values, everything, WEIGHT)
    assert objective(u, values, everything, WEIGHT) <= least * 1.0005
    assert objective(values, values, everything, WEIGHT) > least * 1.2  # there was something to minimize
    assert (u - theirs).abs().mean() * 255 < 0.2  # grey levels; both are still on their way to the minimum
    for other in (WEIGHT / 2, WEIGHT * 2):  # other readings of the weight
        assert (minimize(values, everything, other, 200) - theirs).abs().mean() * 255 > 1


def test_without_a_mask_it_is_below_split_bregman_and_near_it(values):
    """Guo et al. patched this function; its shrinkage smooths total variation, so it ends a little above."""
    everything = torch.ones_like(values)
    u = minimize(values, everything, WEIGHT, 200)
    theirs = denoise_tv_bregman(values[0].numpy(), WEIGHT, max_num_iter=500, eps=1e-6, channel_axis=0)
    theirs = torch.from_numpy(theirs)[None]
    ours, split = (objective(x, values, everything, WEIGHT) for x in (u, theirs))
    assert ours <= split
    assert ours >= split * 0.97
    assert (u - theirs).abs().mean() * 255 < 2


def test_with_a_mask_it_comes_within_a_thousandth_of_the_minimum(values, mask):
    reference = minimize(values, mask, WEIGHT, 2000)
    least = objective(reference, values, mask, WEIGHT)
    u = minimize(values, mask, WEIGHT, 200)
    assert objective(u, values, mask, WEIGHT) <= least * 1.001
    assert (u - reference).abs().mean() * 255 < 0.1
    assert objective(filled(values, mask), values, mask, WEIGHT) > least * 1.1  # where it starts


def test_with_a_mask_no_other_image_nearby_is_better(values, mask):
    u = minimize(values, mask, WEIGHT, 1000)
    least = objective(u, values, mask, WEIGHT)
    generator = torch.Generator().manual_seed(1)
    for step in (0.02, 0.002):
        for _ in range(5):
            other = u + step * torch.randn(u.shape, generator=generator)
            assert objective(other, values, mask, WEIGHT) > least


def test_dropped_values_play_no_part():
    image = photograph()
    transform = TotalVariation()
    rng = np.random.default_rng([0, 4, 2])
    kept = torch.from_numpy(rng.random(image.shape[1:], np.float32) >= 0.5)[None]
    assert 0.48 < kept.double().mean() < 0.52  # of 6,912 values: four standard deviations are 0.024
    assert (kept[0, 0] != kept[0, 1]).double().mean() > 0.4  # a mask for each channel
    changed = torch.where(kept, image, 255 - image)
    result = transform(image, seed=0, indices=[4])
    assert torch.equal(transform(changed, seed=0, indices=[4]), result)
    assert not torch.equal(transform(255 - image, seed=0, indices=[4]), result)


def test_a_flat_image_stays_and_noise_is_smoothed():
    flat = torch.full((1, 3, 30, 30), 77, dtype=torch.uint8)
    assert torch.equal(TotalVariation()(flat, seed=0, indices=[0]), flat)
    noisy = (flat.int() + noise(1, 3, 30, 30).int() % 9 - 4).to(torch.uint8)
    assert TotalVariation()(noisy, seed=0, indices=[0]).float().std() < 0.3 * noisy.float().std()


def test_filling_is_the_mean_of_kept_neighbors():
    values = torch.tensor([[[[0.2, 0.9, 0.4], [0.9, 0.9, 0.9], [0.9, 0.9, 0.6]]]])
    mask = torch.tensor([[[[1.0, 0, 1], [0, 0, 0], [0, 0, 1]]]])
    expected = [[0.2, 0.3, 0.4], [0.2, 0.4, 0.5], [0.5, 0.6, 0.6]]
    assert torch.allclose(filled(values, mask)[0, 0], torch.tensor(expected))


def test_torchs_threads_are_left_as_they_were():
    images = noise(3, 3, 8, 8)
    alone = TotalVariation()(images, seed=0, indices=[0, 1, 2])
    torch.set_num_threads(2)
    try:
        assert torch.equal(TotalVariation()(images, seed=0, indices=[0, 1, 2]), alone)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("wrong", [{"drop": 1}, {"drop": -0.1}, {"lamb": 0}, {"iterations": 0}])
def test_other_settings_are_refused(wrong):
    with pytest.raises(BadInput, match=r"TVM's setting is .* wanted"):
        TotalVariation(**wrong)
