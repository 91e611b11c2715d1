import numpy as np
import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.jpeg import dct
from jpegstudy.jpeg.exactness import contents
from jpegstudy.mechanism import geometry

IMAGES = contents(32, 48)[:3]


def signs(images, epsilon=2, seed=0):
    drawn = torch.randint(0, 2, images.shape, generator=torch.Generator().manual_seed(seed))
    return epsilon * (2 * drawn - 1)


def test_the_picture_of_figure_1_gives_the_numbers_that_its_docstring_names():
    x = torch.full((2, 3, 8, 8), 100.0)
    delta = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = geometry.measure_geometry(x, x + delta, x, x, noisy=x)
    np.testing.assert_allclose(found[["residual_ratio", "survival_ratio", "gain", "projection_gap"]], 0, atol=1e-12)
    np.testing.assert_allclose(found["step_cosine"], 1)
    np.testing.assert_allclose(found["l2_attacked_x"], (x + delta - x).double().flatten(1).norm(dim=1))
    np.testing.assert_allclose(found["rms_attacked_x"], found["l2_attacked_x"] / np.sqrt(3 * 64))
    assert found["l2_compressed_attacked_x"].eq(0).all()
    assert found["l2_noisy_compressed"].eq(0).all()


def test_an_orthogonal_projection_leaves_no_gap_and_a_quantizer_does():
    generator = torch.Generator().manual_seed(1)
    delta = torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64)
    projected = delta.clone()
    projected[..., 3:] = 0
    x = torch.zeros_like(delta)
    linear = geometry.measure_geometry(x, delta, x, projected)
    np.testing.assert_allclose(linear["projection_gap"], 0, atol=1e-12)
    np.testing.assert_allclose(linear["gain"], linear["survival_ratio"] ** 2)
    np.testing.assert_allclose(linear["stray_ratio"] ** 2 + linear["gain"] ** 2, linear["survival_ratio"] ** 2)
    rounded = geometry.measure_geometry(x, delta, x, 2 * (delta / 2).round())
    assert (rounded["projection_gap"] < -0.05).all()


def test_real_images_give_the_geometry_computed_one_by_one():
    attacked = (IMAGES + signs(IMAGES)).clamp(0, 255).to(torch.uint8)
    compressed, back = jpeg.roundtrip(IMAGES), jpeg.roundtrip(attacked)
    found = geometry.measure_geometry(IMAGES, attacked, compressed, back)
    for n, row in found.iterrows():
        x, a, c, b = (images[n].numpy().astype(float).ravel() for images in (IMAGES, attacked, compressed, back))
        delta, s, step = a - x, b - c, b - a
        assert row["gain"] == pytest.approx(s @ delta / (delta @ delta))
        assert row["survival_ratio"] == pytest.approx(np.linalg.norm(s) / np.linalg.norm(delta))
        cosine = -(step @ delta) / np.linalg.norm(step) / np.linalg.norm(delta)
        assert row["step_cosine"] == pytest.approx(cosine)
        assert row["l2_compressed_attacked_compressed"] == pytest.approx(np.linalg.norm(s))
        assert row["rms_compressed_x"] == pytest.approx(np.sqrt(((c - x) ** 2).mean()))
    assert not any("noisy" in column for column in found)


def test_an_image_that_was_not_perturbed_has_distances_and_no_ratios():
    found = geometry.measure_geometry(IMAGES, IMAGES, jpeg.roundtrip(IMAGES), jpeg.roundtrip(IMAGES))
    assert found[["gain", "survival_ratio", "step_cosine", "residual_ratio", "stray_ratio"]].isna().all(axis=None)
    assert found["l2_attacked_x"].eq(0).all()
    assert found["l2_compressed_x"].gt(0).any()


def test_a_change_inside_the_kept_span_is_kept_whole():
    """The difference of two files with equally placed coefficients lies in the span, and its share is 1."""
    masks = geometry._kept(IMAGES, 75, "4:2:0")
    generator = torch.Generator().manual_seed(3)
    inside = geometry._synthesize(
        [torch.randn(mask.shape, generator=generator, dtype=torch.float64) for mask in masks], masks, "4:2:0", (32, 48)
    )
    shares = geometry.kept_share(IMAGES, inside)
    np.testing.assert_allclose(shares[masks[0].flatten(1).any(dim=1)], 1, atol=1e-3)


@pytest.mark.parametrize("subsampling", jpeg.SUBSAMPLINGS)
def test_the_share_is_that_of_least_squares(subsampling):
    """One image of 16 x 16 pixels: the span as a matrix, and its projection by numpy."""
    x = contents(16, 16)[:1]
    delta = signs(x).double()
    masks = geometry._kept(x, 75, subsampling)
    columns = []
    for which, mask in enumerate(masks):
        for place in mask.flatten().nonzero()[:, 0]:
            unit = [torch.zeros_like(each) for each in masks]
            unit[which].view(-1)[place] = 1
            columns.append(geometry._synthesize(unit, masks, subsampling, (16, 16)).flatten())
    span = torch.stack(columns, dim=1).numpy()
    target = delta.flatten().numpy()
    projected = span @ np.linalg.lstsq(span, target, rcond=None)[0]
    share = projected @ projected / (target @ target)
    assert 0.02 < share < 0.98
    assert geometry.kept_share(x, delta, subsampling=subsampling).item() == pytest.approx(share, abs=2e-3)


def test_grey_perturbations_of_grey_images_pass_through_luma_alone():
    """Then the transform is orthonormal, and the kept part is the projection: its gain is the share."""
    x = contents(16, 24)[:2, :1].expand(-1, 3, -1, -1).contiguous()
    delta = signs(x[:, :1]).double().expand(-1, 3, -1, -1)
    kept = geometry.kept_part(x, delta)
    gain = (kept * delta).sum(dim=(1, 2, 3)) / delta.square().sum(dim=(1, 2, 3))
    levels = jpeg.ladder.Prepared(x).levels()[0]
    energy = dct.planes(dct.coefficients(delta[:, :1])).square()
    share = (energy * levels.ne(0)).sum(dim=(1, 2, 3)) / energy.sum(dim=(1, 2, 3))
    np.testing.assert_allclose(gain, share, atol=1e-4)  # luma's weights are rounded to 2^-16
    np.testing.assert_allclose(geometry.kept_share(x, delta), share, atol=2e-3)


def test_the_share_of_no_perturbation_is_unknown():
    assert geometry.kept_share(IMAGES, torch.zeros(IMAGES.shape)).isnan().all()


def test_images_of_other_sizes_are_refused():
    with pytest.raises(BadInput, match="wanted one shape"):
        geometry.measure_geometry(IMAGES, IMAGES[..., :8], IMAGES, IMAGES)
