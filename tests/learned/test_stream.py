"""Streams are real: they give back what the codec made, in the bits that its likelihoods say, or one clear line."""

import copy
import pickle
import struct
import zlib

import numpy as np
import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.learned import build, shape_of
from jpegstudy.learned.pixels import MOST_PIXELS
from tests.conftest import noise
from tests.learned.conftest import SHAPES, photographs


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 30), (96, 80), (97, 81)])
def test_decoding_gives_the_forward_passs_image(codec, height, width):
    images = torch.cat([photographs(height, width), noise(1, 3, height, width)])
    streams = codec.encode(images)
    decoded = torch.stack([codec.decode(each) for each in streams])
    with torch.no_grad():
        assert torch.equal(decoded, codec(images.float() / 255).images)
    assert torch.equal(decoded, codec.reconstruct(images))


def test_streams_are_as_long_as_the_likelihoods_say(codec):
    images = torch.cat([photographs(192, 160), noise(1, 3, 192, 160)])
    with torch.no_grad():
        estimates = codec(images.float() / 255).bits
    for stream, estimate in zip(codec.encode(images), estimates.tolist(), strict=True):
        assert estimate > 2000
        assert abs(8 * len(stream) - estimate) < 0.02 * estimate + 200


def test_random_weights_have_streams_too():
    for name, quality in (("small", None), ("mbt2018_mean", 1)):
        codec, images = build(shape_of(name, quality)), photographs(64, 64)[:1]
        assert torch.equal(codec.decode(codec.encode(images)[0]), codec.reconstruct(images)[0])


def test_latents_far_outside_their_tables_are_coded(codec):
    codec = copy.deepcopy(codec)
    with torch.no_grad():
        codec.g_a[-1].weight *= 1000
        codec.g_a[-1].bias[0] = 1e6
    images = noise(1, 3, 48, 48)
    assert torch.equal(codec.decode(codec.encode(images)[0]), codec.reconstruct(images)[0])
    with torch.no_grad():
        codec.g_a[-1].bias[0] = float("inf")
    with pytest.raises(BadInput, match="latents are not finite, or too large"):
        codec.encode(images)


def test_the_header_is_as_documented(codec):
    (stream,) = codec.encode(photographs(70, 45)[:1])
    kind, digest, height, width, check, _ = struct.unpack("<B4sHHIH", stream[:15])
    assert (kind, digest, height, width) == (0xA1, codec.digest()[:4], 70, 45)
    assert check == zlib.crc32(stream[:9] + stream[15:])
    assert len(stream[15:]) % 4 == 0


def test_coding_is_repeatable_and_survives_copies(codec):
    images = photographs()
    streams = codec.encode(images)
    assert streams == codec.encode(images) == codec.encode(images[:1]) + codec.encode(images[1:])
    for other in (copy.deepcopy(codec), pickle.loads(pickle.dumps(codec))):
        assert other.encode(images) == streams
        assert torch.equal(other.decode(streams[0]), codec.decode(streams[0]))


def test_after_a_step_of_training_old_streams_are_refused_and_new_ones_fit(codec):
    codec, images = copy.deepcopy(codec).train(), photographs()
    (before, _) = codec.encode(images)
    optimizer = torch.optim.Adam(codec.parameters(), 1e-3)
    for _ in range(5):
        coded = codec(images.float() / 255)
        optimizer.zero_grad()
        (coded.bits.sum() + codec.quantile_loss()).backward()
        optimizer.step()
    with pytest.raises(BadInput, match=r"was written by codec .*; this one, by its weights, is"):
        codec.decode(before)
    streams = codec.eval().encode(images)
    assert torch.equal(torch.stack([codec.decode(each) for each in streams]), codec.reconstruct(images))
    with torch.no_grad():
        estimate = codec(images.float() / 255).bits.tolist()
    assert [8 * len(each) for each in streams] == pytest.approx(estimate, rel=0.02, abs=200)


def test_another_codec_refuses_a_stream(codecs):
    (stream,) = codecs["factorized"].encode(photographs(16, 16)[:1])
    with pytest.raises(BadInput, match=f"was written by codec {codecs['factorized'].digest()[:4].hex()}"):
        codecs["scale"].decode(stream)


def test_every_flipped_or_missing_byte_is_told_in_one_line(codec):
    (stream,) = codec.encode(photographs(32, 32)[:1])
    draw, damaged = np.random.default_rng(0), [b"", stream + b"\0", stream + bytes(4), b"\xff\xd8" + stream]
    damaged += [stream[:length] for length in range(len(stream))]
    for place in range(len(stream)):
        flipped = bytearray(stream)
        flipped[place] ^= int(draw.integers(1, 256))
        damaged.append(bytes(flipped))
    for each in damaged:
        with pytest.raises(BadInput, match=r"header is missing|is damaged|was written by|come out otherwise") as error:
            codec.decode(each)
        assert "\n" not in str(error.value)


def forged(codec, words, *, height=32, width=32, of_symbols=0):
    """A stream whose first checksum is right, whatever it holds."""
    said = struct.pack("<B4sHH", 0xA1, codec.digest()[:4], height, width)
    return said + struct.pack("<IH", zlib.crc32(said + words), of_symbols) + words


def test_streams_forged_with_a_right_checksum_end_in_one_line_or_an_image(codec):
    (stream,) = codec.encode(photographs(32, 32)[:1])
    draw, images = np.random.default_rng(1), 0
    for _ in range(60):
        words = bytearray(stream[15:])
        for place in draw.integers(0, len(words), 3):
            words[place] = draw.integers(256)
        cut = bytes(words[: 4 * draw.integers(0, len(words) // 4 + 1)])
        for each in (bytes(words), cut, draw.bytes(len(words))):
            try:
                images += codec.decode(forged(codec, each)).shape == (3, 32, 32)
            except BadInput as error:
                assert "\n" not in str(error)  # noqa: PT017
    assert images <= 2  # the symbols' own checksum lets one in 65536 through
    assert codec.decode(stream).shape == (3, 32, 32)


@pytest.mark.parametrize(("height", "width"), [(0, 32), (32, 0), (65501, 1), (65500, 65500)])
def test_sizes_that_no_image_has_are_refused_before_anything_is_made(codecs, height, width):
    codec = codecs["factorized"]
    with pytest.raises(BadInput, match=f"names an image of {height}x{width} pixels"):
        codec.decode(forged(codec, b"", height=height, width=width))


def test_images_too_large_are_refused(codecs):
    images = torch.zeros(1, dtype=torch.uint8).expand(1, 3, 65500, MOST_PIXELS // 65500 + 1)
    with pytest.raises(BadInput, match="takes 67108864 at most"):
        codecs["factorized"].encode(images)


@pytest.mark.parametrize("data", [None, "text", 5, [1, 2]])
def test_what_are_no_bytes_is_refused(codecs, data):
    with pytest.raises(BadInput, match="wanted bytes"):
        codecs["factorized"].decode(data)


def test_a_hyperprior_computed_otherwise_is_noticed(codecs, monkeypatch):
    codec = copy.deepcopy(codecs["mean-scale"])
    (stream,) = codec.encode(photographs()[:1])
    digest = codec.digest()
    with torch.no_grad():
        codec.h_s[-1].bias += 0.2  # as if this machine rounded very differently
    monkeypatch.setattr(type(codec), "digest", lambda _: digest)
    with pytest.raises(BadInput, match=r"come out otherwise than its encoder wrote them|is damaged"):
        codec.decode(stream)


def test_a_stream_says_nothing_of_the_batch():
    codec, images = build(SHAPES["factorized"]), noise(3, 3, 24, 24)
    assert codec.encode(images.flip(0))[::-1] == codec.encode(images)
