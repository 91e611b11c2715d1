import hashlib

import pytest

from jpegstudy.errors import BadInput
from jpegstudy.jpeg import fingerprint, libjpeg
from jpegstudy.run import check_same_codec


@pytest.fixture
def forgotten():
    """Nothing remembered of an earlier question, before and after."""
    fingerprint.of_codec.cache_clear()
    yield
    fingerprint.of_codec.cache_clear()


def test_the_image_that_is_coded_is_fixed():
    image = fingerprint._image()
    assert image.shape == (1, 3, fingerprint.HEIGHT, fingerprint.WIDTH)
    assert hashlib.sha256(image.numpy().tobytes()).hexdigest()[:16] == "ae02428ec2b3739c"


def test_one_value_that_differs_gives_another_fingerprint(forgotten, monkeypatch):
    ours, roundtrip = fingerprint.of_codec(), libjpeg.roundtrip

    def other(images, *, quality, subsampling):
        result = roundtrip(images, quality=quality, subsampling=subsampling)
        result[0, 2, -1, -1] ^= quality == 90 and subsampling == "4:2:2"
        return result

    fingerprint.of_codec.cache_clear()
    monkeypatch.setattr(libjpeg, "roundtrip", other)
    assert fingerprint.of_codec()["fingerprint"] != ours["fingerprint"]
    assert fingerprint.of_codec()["library"] == ours["library"]


def test_codecs_that_give_other_pixels_are_not_compared():
    one, other = ({"fingerprint": name, "library": "turbo"} for name in "ab")
    check_same_codec({"a run": one, "an unfinished run": None, "another": one})
    check_same_codec({})
    with pytest.raises(BadInput, match=r"give other pixels: a run with turbo \(a\) and another with turbo \(b\)"):
        check_same_codec({"an unfinished run": None, "a run": one, "another": other})
