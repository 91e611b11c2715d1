"""The two densities against numpy and the error function; their tables."""

import copy
import math

import numpy as np
import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.learned.densities import FactorizedDensity, GaussianConditional
from jpegstudy.learned.tables import TOTAL, Reader, Tables, Writer


def random_density(channels=3, seed=0):
    torch.manual_seed(seed)
    density = FactorizedDensity(channels).eval()
    with torch.no_grad():
        for name, value in density.named_parameters():
            if "factor" in name or "bias" in name:
                value.normal_()
        density.quantiles[:, 0, 1] = torch.linspace(-1.3, 2.6, channels)
    return density


def cumulative(density, channel, x):
    """The density's cumulative function in plain numpy, float64."""
    y = np.array([[x]])
    for layer in range(5):
        weight, bias = (
            getattr(density, f"_{name}{layer}")[channel].detach().double().numpy() for name in ("matrix", "bias")
        )
        y = np.log1p(np.exp(weight)) @ y + bias
        if layer < 4:
            factor = getattr(density, f"_factor{layer}")[channel].detach().double().numpy()
            y = y + np.tanh(factor) * np.tanh(y)
    return 1 / (1 + np.exp(-y.item()))


def test_the_factorized_likelihood_is_the_cumulative_functions_difference():
    density = random_density()
    values = torch.tensor([-7.25, -0.5, 0.0, 3.0, 12.5]).repeat(3, 1)[None, :, None]  # (1, 3, 1, 5)
    result = density.likelihood(values)
    assert result.shape == values.shape
    for (_, channel, _, place), value in np.ndenumerate(values.numpy()):
        wanted = cumulative(density, channel, value + 0.5) - cumulative(density, channel, value - 0.5)
        assert result[0, channel, 0, place].item() == pytest.approx(max(wanted, 1e-9), rel=1e-4)


def test_far_out_the_likelihood_is_the_floor_and_the_near_tail_is_exact():
    density = FactorizedDensity(1)
    assert density.likelihood(torch.tensor([-1e4, 1e4]).reshape(1, 1, 1, 2)).flatten().tolist() == pytest.approx(
        [1e-9] * 2
    )
    for value in (-150.0, 150.0):  # 1 - 1e-6 in float32 would have three digits
        wanted = cumulative(density, 0, value + 0.5) - cumulative(density, 0, value - 0.5)
        assert density.likelihood(torch.full((1, 1, 1, 1), value)).item() == pytest.approx(wanted, rel=1e-3)


def test_the_factorized_density_adds_up_to_one():
    values = torch.arange(-500.0, 501).expand(2, -1)[None, :, None]
    assert random_density(2).likelihood(values).sum(3).flatten().tolist() == pytest.approx([1, 1], abs=1e-4)


def test_rounding_is_around_medians_and_training_adds_noise():
    density, latents = random_density(), torch.randn(2, 3, 4, 5) * 5
    values, _ = density(latents)
    steps = values - density.medians
    assert torch.allclose(steps, steps.round(), atol=1e-5)
    assert (values - latents).abs().max() <= 0.5 + 1e-6
    noise = density.train()(latents)[0] - latents
    assert noise.abs().max() <= 0.5
    assert noise.var() == pytest.approx(1 / 12, rel=0.3)


def test_the_quantile_loss_moves_quantiles_only_and_to_where_they_belong():
    density = random_density()
    density.quantile_loss().backward()
    assert [name for name, value in density.named_parameters() if value.grad is not None] == ["quantiles"]
    optimizer = torch.optim.Adam([density.quantiles], 1.0)
    for step in range(600):
        optimizer.param_groups[0]["lr"] = 0.99**step * 5
        optimizer.zero_grad()
        density.quantile_loss().backward()
        optimizer.step()
    for channel, (low, middle, high) in enumerate(density.quantiles[:, 0].tolist()):
        assert cumulative(density, channel, middle) == pytest.approx(0.5, abs=0.01)
        assert cumulative(density, channel, low) == pytest.approx(0.5e-9, rel=0.2)
        assert 1 - cumulative(density, channel, high) == pytest.approx(0.5e-9, rel=0.2)


def test_the_gaussian_likelihood_is_the_error_functions():
    def wanted(value, scale, mean):
        scale = max(scale, 0.11)
        edges = [math.erf((value + side - mean) / scale / math.sqrt(2)) / 2 for side in (-0.5, 0.5)]
        return max(edges[1] - edges[0], 1e-9)

    cases = [(0.0, 1.0, 0.0), (1.0, 0.3, 0.9), (-4.0, 2.5, 1.25), (0.0, 0.02, 0.3), (9.0, 1.0, 0.0), (2.0, 0.11, 0.0)]
    values, scales, means = (torch.tensor(each).reshape(1, 1, 1, -1) for each in zip(*cases, strict=True))
    result = GaussianConditional().likelihood(values, scales, means).flatten().tolist()
    assert result == pytest.approx([wanted(*case) for case in cases], rel=1e-4)
    assert result[-1] == pytest.approx(1e-9)  # the floor


def test_a_scale_below_the_bound_may_grow_again_but_not_fall():
    scales = torch.tensor([0.01, 0.01]).reshape(1, 1, 1, 2).requires_grad_()
    values = torch.tensor([0.0, 0.7]).reshape(1, 1, 1, 2)  # the second is far from its mean, and wants a larger scale
    loss = -torch.log(GaussianConditional().likelihood(values, scales, torch.zeros_like(values))).sum()
    gradient = torch.autograd.grad(loss, scales)[0].flatten()
    assert gradient[0] == 0
    assert gradient[1] < 0


def test_every_table_is_whole_numbers_that_add_up():
    for tables in (random_density(5).tables(), GaussianConditional().tables()):
        for row, length in zip(tables.cdf, tables.length, strict=True):
            assert row[0] == 0
            assert row[length - 1] == TOTAL
            assert (np.diff(row[:length]) >= 1).all()
            assert (row[length:] == 0).all()


def test_the_tables_hold_the_learned_probabilities():
    density = random_density()
    tables = density.tables()
    for channel, median in enumerate(density.medians.flatten().tolist()):
        counts = np.diff(tables.cdf[channel, : tables.length[channel]])[:-1]
        places = median + tables.offset[channel] + np.arange(len(counts))
        wanted = [cumulative(density, channel, x + 0.5) - cumulative(density, channel, x - 0.5) for x in places]
        assert np.abs(counts / TOTAL - wanted).max() < 1 / 256  # the floor of 1 costs the most frequent a little
        assert sum(wanted) > 1 - 2.0**-15


def test_the_tables_follow_the_weights():
    density, latents = random_density(), torch.randn(1, 3, 4, 4)
    before = density.tables()
    assert density.tables() is before
    with torch.no_grad():
        density._bias0 += 2
    after = density.tables()
    assert after is not before
    assert torch.equal(density._quantized_cdf, torch.from_numpy(after.cdf))
    assert np.array_equal(after.cdf, copy.deepcopy(density).tables().cdf)
    writer = Writer()
    values = density.through(writer, latents, (4, 4))
    assert torch.equal(density.through(Reader(writer.words), None, (4, 4)), values)


def test_a_latents_scale_goes_to_the_nearest_table():
    density = GaussianConditional()
    assert density.rows(density.scale_table).tolist() == list(range(64))
    assert density.rows(torch.tensor([1e-9, 1e9])).tolist() == [0, 63]
    a, b = density.scale_table[10].item(), density.scale_table[11].item()
    middle = math.sqrt(a * b)
    assert density.rows(torch.tensor([middle * 0.999, middle * 1.001])).tolist() == [10, 11]


def test_tables_that_lack_a_symbol_escape_it():
    tables = Tables.of([np.array([0.2, 0.5, 0.2999])], [-1])
    assert tables.length.tolist() == [5]
    rows = np.zeros(9, dtype=np.int64)
    symbols = np.array([0, 1, -1, 2, -2, 5, -700, 123456, -98765432])
    writer = Writer()
    writer(symbols, rows, tables)
    reader = Reader(writer.words)
    assert np.array_equal(reader(None, rows, tables), symbols)
    assert reader.check == writer.check


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e30])
def test_latents_that_blow_up_are_refused(value):
    latents = torch.zeros(1, 3, 2, 2)
    latents[0, 1, 0, 1] = value
    with pytest.raises(BadInput, match="blow up"):
        random_density().through(Writer(), latents, (2, 2))


def test_words_that_no_encoder_writes_end_in_one_line_or_in_symbols():
    density, draw = GaussianConditional(), np.random.default_rng(0)
    rows, told = draw.integers(0, 64, 300), set()
    for length in [*range(8), *range(8, 200, 4)]:
        try:
            symbols = Reader(draw.bytes(4 * length))(None, rows, density.tables())
            told.add(f"{len(symbols)} symbols")
        except BadInput as error:
            told.add(str(error))
    assert "the stream is damaged: its bits stand for no symbols of this codec" in told
    assert len(told) <= 2
