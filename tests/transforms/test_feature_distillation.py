import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn

from jpegstudy.errors import BadInput
from jpegstudy.transforms import distillation_tables as tables
from jpegstudy.transforms.feature_distillation import FeatureDistillation, FeatureDistillation8


def images(*shape, low=0, high=256, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(low, high, shape, dtype=np.uint8))


def of_scipy(image, steps):
    """One plane through scipy's orthonormal DCT, block by block, as the authors' code does it."""
    result = np.empty(image.shape)
    for top in range(0, image.shape[0], 8):
        for left in range(0, image.shape[1], 8):
            place = np.s_[top : top + 8, left : left + 8]
            levels = np.round(dctn(image[place].astype(float), norm="ortho") / steps)
            result[place] = idctn(levels * steps, norm="ortho")
    return result.clip(0, 255)


# tables


def test_the_released_table_has_25_in_the_corner_and_30_around():
    table = tables.steps_of("code")
    assert table[:4, :4].eq(25).all()
    assert table.eq(25).sum() == 16
    assert table.eq(30).sum() == 48


def test_the_papers_first_table_is_a_triangle():
    expected = [[1 if v + u < 5 else 40 for u in range(8)] for v in range(8)]
    assert tables.steps_of("v1").tolist() == expected
    assert tables.steps_of("15:1:40").tolist() == expected


def test_a_flat_table_and_one_by_a_ranking():
    assert tables.steps_of("flat30").eq(30).all()
    ranking = torch.arange(63, -1, -1)
    table = tables.steps_of("2:5:60", ranking)
    assert table[7, 7] == table[7, 6] == 5
    assert table.eq(60).sum() == 62


def test_the_zigzag_is_the_standards():
    assert tables.zigzag().tolist()[:10] == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert tables.zigzag().tolist()[-3:] == [55, 62, 63]
    assert sorted(tables.zigzag().tolist()) == list(range(64))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fd", "there is no table 'fd'; wanted code, v1, flat30, or 15:1:40"),
        ("flat0", "a step of 0; wanted 1 to 255 grey levels"),
        ("15:1:256", "a step of 256; wanted 1 to 255"),
        ("65:1:40", "65 sensitive bands; wanted 0 to 64"),
    ],
)
def test_tables_that_are_none_are_refused(name, told):
    with pytest.raises(BadInput, match=told):
        tables.steps_of(name)


def test_a_ranking_names_each_band_once():
    with pytest.raises(BadInput, match="wanted each of 0 to 63 once"):
        tables.steps_of("3:1:40", [0, 0, *range(62)])


def test_the_deviations_are_numpys_whatever_the_batches():
    x = images(6, 3, 24, 19)
    blocks = x[..., :16].numpy().reshape(6, 3, 3, 8, 2, 8).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 8, 8)
    assert len(blocks) == 108
    more = images(2, 3, 24, 16, seed=1)
    all_blocks = np.concatenate(
        [blocks, more.numpy().reshape(2, 3, 3, 8, 2, 8).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 8, 8)]
    )
    found = tables.deviations([x[:2], x[2:], more])
    expected = dctn(all_blocks.astype(float), axes=(-2, -1), norm="ortho").std(axis=0, ddof=1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_bands_are_ranked_by_deviation_and_ties_by_the_zigzag():
    deviations = torch.zeros(8, 8)
    deviations[5, 2], deviations[0, 7] = 9, 4
    ranked = tables.rank_bands(deviations).tolist()
    assert ranked[:2] == [8 * 5 + 2, 7]
    assert ranked[2:5] == [0, 1, 8]


def test_too_few_blocks_for_64_deviations_are_refused():
    with pytest.raises(BadInput, match=r"12 blocks of 8 x 8 to calibrate with; .* at least 128"):
        tables.deviations([images(1, 3, 16, 16)])


@pytest.mark.parametrize(("epsilon", "step"), [(1, 17), (2, 33), (0.5, 9), (8, 129)])
def test_the_safe_step_is_more_than_16_epsilon(epsilon, step):
    assert tables.safe_step(epsilon) == step


# the transform


@pytest.mark.parametrize("name", ["code", "v1", "flat7"])
def test_it_is_scipys_dct_quantized(name):
    x = images(2, 3, 16, 24) + torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))  # no ties
    found = FeatureDistillation(name)(x)
    assert found.dtype == torch.float32
    steps = tables.steps_of(name).numpy()
    expected = np.array([[of_scipy(plane, steps) for plane in image] for image in x.numpy()])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def test_a_block_worked_by_hand():
    """A mean of 100 and a step of 40 down the middle: two bands of the first row, and their odd harmonics."""
    block = torch.full((8, 8), 80.0)
    block[:, 4:] = 120
    # DC: 8 * 100 = 800 = 32 * 25. Band (0, u): -20 * sqrt(8) * sum of |cos| / 2 with signs, for u odd.
    cosines = {u: 0.5 * sum(np.cos((2 * i + 1) * u * np.pi / 16) for i in range(4)) * 2 for u in (1, 3, 5, 7)}
    coefficients = {u: -20 * np.sqrt(8) * cosine for u, cosine in cosines.items()}
    assert [round(coefficients[u], 2) for u in (1, 3, 5, 7)] == [-144.98, 50.91, -34.02, 28.84]
    levels = {1: -6, 3: 2, 5: -1, 7: 1}  # of steps 25, 25, 30, 30
    row = np.full(8, 800 / 8)
    for u, level in levels.items():
        row += level * (25 if u < 4 else 30) * np.sqrt(1 / 8) * 0.5 * np.cos((2 * np.arange(8) + 1) * u * np.pi / 16)
    found = FeatureDistillation()(block[None, None].to(torch.uint8))
    np.testing.assert_allclose(found[0, 0].numpy(), np.tile(row, (8, 1)), atol=1e-4)


def test_a_mean_between_two_steps_goes_to_the_even_one():
    x = torch.zeros(1, 1, 8, 16, dtype=torch.uint8)
    x[..., :8] = torch.tensor([12, 13]).repeat(4)  # a coefficient of 100, half a step of 200: to 0
    x[..., 8:] = torch.tensor([37, 38]).repeat(4)  # of 300, one and a half: to 2
    means = FeatureDistillation("flat200")(x).reshape(8, 2, 8).mean(dim=(0, 2))
    assert means.tolist() == pytest.approx([0, 400 / 8])


def test_the_second_pass_gives_the_first_where_nothing_was_clipped():
    x = images(4, 3, 32, 32, low=80, high=176)
    once = FeatureDistillation()(x)
    assert once.min() > 0
    assert once.max() < 255
    torch.testing.assert_close(FeatureDistillation()(once), once, rtol=0, atol=1e-4)


def test_eight_bits_are_the_float_rounded():
    x = images(2, 3, 16, 16)
    found = FeatureDistillation8()(x)
    assert found.dtype == torch.uint8
    assert torch.equal(found, FeatureDistillation()(x).round().to(torch.uint8))


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (8, 13), (20, 7)])
def test_any_size_is_the_mirrored_image_cut(size):
    x = images(1, 3, *size)
    height, width = (-(-each // 8) * 8 for each in size)
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (0, height - size[0]), (0, width - size[1])), mode="reflect")
    whole = FeatureDistillation()(torch.from_numpy(padded))
    assert torch.equal(FeatureDistillation()(x), whole[..., : size[0], : size[1]])


def test_a_shifted_grid_is_the_grid_of_the_shifted_image():
    x = images(1, 3, 24, 24)
    shifted = FeatureDistillation(offset=3)(x)
    assert torch.equal(shifted[..., 3:19, 3:19], FeatureDistillation()(x[..., 3:19, 3:19]))


def test_no_image_comes_out_black_and_the_batch_does_not_matter():
    x = images(5, 3, 16, 16, low=100)
    together = FeatureDistillation()(x)
    assert (together.mean(dim=(1, 2, 3)) > 90).all()
    for number in range(5):
        assert torch.equal(together[number : number + 1], FeatureDistillation()(x[number : number + 1]))


@pytest.mark.parametrize("settings", ["", "-v1", "-flat40", "-15:1:40", "+4", "-v1+7"])
def test_settings_are_written_as_they_are_read(settings):
    assert FeatureDistillation.of(settings).settings == settings


@pytest.mark.parametrize("settings", ["v1", "-v2", "+8", "-flat", "+4-v1"])
def test_other_settings_are_refused(settings):
    with pytest.raises(BadInput, match=r"FD8 has no settings .*; wanted FD8, FD8-v1"):
        FeatureDistillation8.of(settings)


def test_wrong_arguments_are_refused():
    with pytest.raises(BadInput, match="offset is 8; wanted 0 to 7"):
        FeatureDistillation(offset=8)
    with pytest.raises(BadInput, match=r"images are \(3, 8, 8\); wanted \(N, C, H, W\)"):
        FeatureDistillation()(images(3, 8, 8))
