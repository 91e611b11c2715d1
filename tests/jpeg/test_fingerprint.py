import hashlib

import pytest
import torch

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import exact, fingerprint
from jpegstudy.record import check_same_codec


def test_the_image_that_is_coded_is_fixed():
    image = fingerprint._image()
    assert image.shape == (1, 3, fingerprint.HEIGHT, fingerprint.WIDTH)
    assert hashlib.sha256(image.numpy().tobytes()).hexdigest()[:16] == "ae02428ec2b3739c"


def test_one_value_that_differs_gives_another_fingerprint(monkeypatch):
    ours, roundtrip = fingerprint.of_codec.__wrapped__(), fingerprint.roundtrip

    def other(images, *, quality, subsampling, codec):
        result = roundtrip(images, quality=quality, subsampling=subsampling, codec=codec)
        result[0, 2, -1, -1] ^= quality == 90 and subsampling == "4:2:2"
        return result

    monkeypatch.setattr(fingerprint, "roundtrip", other)
    found = fingerprint.of_codec.__wrapped__()
    assert found["fingerprint"] != ours["fingerprint"]
    assert found["library"] == ours["library"]


def test_each_codec_is_asked_and_named_and_both_are_one(monkeypatch):
    by_torch, by_libjpeg = fingerprint.of_codec("torch"), fingerprint.of_codec("libjpeg")
    assert by_torch == {"fingerprint": by_libjpeg["fingerprint"], "library": f"torch {torch.__version__}"}
    assert "libjpeg_turbo" in by_libjpeg["library"]
    assert fingerprint.of_codec() == by_libjpeg
    monkeypatch.setattr(exact, "roundtrip", lambda images, **settings: images)
    assert fingerprint.of_codec.__wrapped__("torch")["fingerprint"] != by_torch["fingerprint"]


def test_codecs_that_give_other_pixels_are_not_compared():
    one, other = ({"fingerprint": name, "library": "turbo"} for name in "ab")
    check_same_codec({"a run": one, "an unfinished run": None, "another": one})
    check_same_codec({})
    with pytest.raises(BadInput, match=r"give other pixels: a run with turbo \(a\) and another with turbo \(b\)"):
        check_same_codec({"an unfinished run": None, "a run": one, "another": other})
