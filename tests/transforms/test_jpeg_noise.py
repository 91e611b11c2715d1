import pytest
import torch

from jpegstudy import jpeg
from jpegstudy.errors import BadInput
from jpegstudy.transforms import TRANSFORMS, JpegNoise
from jpegstudy.transforms.jpeg_noise import permutation
from tests.conftest import noise


def grey(n=3, size=24):
    """Images so far from 0 and 255 that adding the residual clips nothing."""
    return (noise(n, 3, size, size).int() // 8 + 112).to(torch.uint8)


def test_the_noise_keeps_the_residuals_sorted_values():
    images = grey()
    residual = jpeg.roundtrip(images).int() - images.int()
    added = JpegNoise()(images, seed=0, indices=[4, 5, 6]).int() - images.int()
    assert torch.equal(added.flatten(1).sort().values, residual.flatten(1).sort().values)
    assert not torch.equal(added, residual)


def test_the_noise_mixes_channels_and_places():
    images = grey(1, 64)
    residual = (jpeg.roundtrip(images).int() - images.int()).flatten().double()
    added = (JpegNoise()(images, seed=0, indices=[0]).int() - images.int()).flatten().double()
    correlation = torch.corrcoef(torch.stack([residual, added]))[0, 1]
    assert abs(correlation) < 0.05  # 12,288 independent pairs: four standard deviations are 0.036


def test_an_image_gets_the_same_noise_in_any_batch_and_order():
    images = noise(4, 3, 16, 16)
    together = JpegNoise()(images, seed=7, indices=[10, 11, 12, 13])
    turned = JpegNoise()(images.flip(0), seed=7, indices=[13, 12, 11, 10]).flip(0)
    alone = torch.cat([JpegNoise()(images[i : i + 1], seed=7, indices=[10 + i]) for i in range(4)])
    assert torch.equal(together, turned)
    assert torch.equal(together, alone)


def test_one_permutation_is_shared_by_rows_of_the_same_image():
    image = grey(1)
    both = JpegNoise()(torch.cat([image, image]), seed=7, indices=[3, 3])
    assert torch.equal(both[0], both[1])


def test_the_seed_and_the_index_decide():
    assert (permutation(0, 1, 100) == permutation(0, 1, 100)).all()
    assert (permutation(0, 1, 100) != permutation(1, 1, 100)).any()
    assert (permutation(0, 1, 100) != permutation(0, 2, 100)).any()
    assert sorted(permutation(0, 1, 100)) == list(range(100))


def test_the_sum_is_clipped_to_eight_bits():
    images = torch.randint(0, 2, (1, 3, 32, 32), generator=torch.Generator().manual_seed(0)).mul(255).to(torch.uint8)
    residual = jpeg.roundtrip(images, quality=10).int() - images.int()
    order = torch.from_numpy(permutation(0, 0, residual.numel()))
    expected = (images.int().flatten() + residual.flatten()[order]).clamp(0, 255)
    assert torch.equal(JpegNoise(quality=10)(images, seed=0, indices=[0]).int().flatten(), expected)


def test_noise_without_a_seed_or_indices_is_refused():
    with pytest.raises(BadInput, match="needs a seed and the index"):
        JpegNoise()(noise(2, 3, 8, 8), seed=0)
    with pytest.raises(BadInput, match="needs a seed and the index"):
        JpegNoise()(noise(2, 3, 8, 8), seed=0, indices=[1])


@pytest.mark.parametrize("name", ["JPG", "JPGnoise", "FD", "FD8"])  # the others: test_rivals
def test_every_transform_keeps_the_contract(name):
    transform = TRANSFORMS[name].of("50-422" if name.startswith("JPG") else "")
    images = noise(2, 3, 17, 9)
    before = images.clone()
    result = transform(images, seed=0, indices=[0, 1])
    assert result.shape == images.shape
    assert result.dtype == transform.output
    assert type(transform).of(transform.settings) == transform
    assert torch.equal(images, before)
    assert isinstance(transform.differentiable, bool)
    assert isinstance(transform.stochastic, bool)
    if not transform.stochastic:
        assert torch.equal(result, transform(images))
