import torch

from jpegstudy.jpeg import dct, quantization


def test_every_coefficient_has_libjpegs_level_at_every_step():
    whole = torch.arange(-12800, 12801)  # 8 times the orthonormal coefficients, which stay within 8192
    planes = whole[:25600].reshape(160, 160).double()
    for step in range(1, 256):
        magnitude = (planes.abs() + 4 * step) // (8 * step)  # in whole numbers: halves go up, so away from zero
        found = quantization.quantize(planes, torch.full((8, 8), step))
        assert torch.equal(found, planes.sign() * magnitude)


def test_levels_are_multiplied_by_the_steps_of_their_places():
    table = torch.arange(1, 65).reshape(8, 8)
    coefficients = quantization.dequantize(torch.ones(1, 16, 24), table)
    assert (dct.blocks(coefficients) == table).all()


def test_tables_may_differ_between_images_and_planes():
    tables = torch.randint(1, 256, (3, 2, 8, 8))
    planes = torch.randint(-8192, 8193, (3, 2, 16, 24)).double()
    together = quantization.quantize(planes, tables)
    lost = quantization.lose(planes, quantization.factors(tables, 24))
    for image in range(3):
        for plane in range(2):
            levels = quantization.quantize(planes[image, plane], tables[image, plane])
            assert torch.equal(together[image, plane], levels)
            assert torch.equal(lost[image, plane], quantization.dequantize(levels, tables[image, plane]))


def test_what_is_lost_is_half_a_step_at_most():
    table = torch.randint(1, 256, (8, 8))
    planes = torch.randint(-8192, 8193, (64, 64)).double()
    coefficients = quantization.dequantize(quantization.quantize(planes, table), table)
    error = dct.blocks(coefficients - planes / dct.GAIN).abs() / table
    assert 0.4 < error.max() <= 0.5
