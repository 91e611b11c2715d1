import io
import os
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jpegstudy import decoding
from jpegstudy.decoding import Rejected, center_crop, decode, random_crop
from tests.conftest import write_image


def saved(tmp_path, image, name="image.png", **options):
    image.save(tmp_path / name, **options)
    return np.asarray(decode(tmp_path / name))


def test_grey_becomes_three_equal_channels(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (saved(tmp_path, Image.fromarray(levels)) == levels[..., None]).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    levels = np.array([[0, 128, 129, 32768, 65535]], dtype=np.uint16)
    decoded = saved(tmp_path, Image.fromarray(levels))
    assert decoded[0, :, 0].tolist() == [0, 0, 1, 128, 255]  # 128 / 257 is just under one half


def test_every_sixteen_bit_level_is_rounded_as_the_formula_says(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "STRIP_PIXELS", 1000)  # the image's 256 rows come in strips of three, and one row
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    wanted = np.rint(levels * (255 / 65535)).astype(np.uint8)
    assert (saved(tmp_path, Image.fromarray(levels)) == wanted[..., None]).all()
    big_endian = Image.frombytes("I;16B", (256, 256), levels.astype(">u2").tobytes())
    assert (saved(tmp_path, big_endian, "big_endian.tif") == wanted[..., None]).all()


def test_sixteen_bits_take_little_memory_beside_the_image(tmp_path):
    Image.new("I;16", (4000, 4000)).save(tmp_path / "image.png")
    tracemalloc.start()
    decode(tmp_path / "image.png")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 16_000_000  # bytes; as float64 the image has 8 for each of its pixels


def test_transparency_is_laid_over_white_strip_by_strip_as_in_one(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (50, 40, 4), dtype=np.uint8))
    whole = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    strips = []
    composite = Image.alpha_composite

    def recording(white, strip):
        strips.append(strip.size)
        return composite(white, strip)

    monkeypatch.setattr(Image, "alpha_composite", recording)
    monkeypatch.setattr(decoding, "STRIP_PIXELS", 700)
    assert (saved(tmp_path, image) == np.asarray(whole)).all()
    assert strips == [(40, 17), (40, 17), (40, 16)]


def test_transparency_is_laid_over_white(tmp_path):
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    image.putpixel((1, 0), (200, 0, 0, 0))
    assert saved(tmp_path, image).tolist() == [[[200, 0, 0], [255, 255, 255]]]


def test_a_palette_gives_its_colors_and_its_transparent_entry_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert saved(tmp_path, image).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert saved(tmp_path, image, "clear.png", transparency=1).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_cmyk_is_converted_to_rgb(tmp_path):
    decoded = saved(tmp_path, Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "cyan.tif")
    assert decoded[0, 0].tolist() == [0, 255, 255]


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    upright = saved(tmp_path, Image.new("RGB", (20, 10)), "turned.jpg", exif=exif)
    assert upright.shape == (20, 10, 3)


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert np.asarray(decode(tmp_path / "moving.webp"))[0, 0].tolist() == [255, 0, 0]


def contents(kind):
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, "JPEG")
    whole = buffer.getvalue()
    return {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "text": b"file,label\n",
        "header only": whole[:20],
        "a PNG cut in its header": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "truncated", "text", "header only", "a PNG cut in its header"])
def test_a_broken_file_is_rejected_with_one_line(tmp_path, kind):
    (tmp_path / "file.jpg").write_bytes(contents(kind))
    with pytest.raises(Rejected) as reason:
        decode(tmp_path / "file.jpg")
    assert str(reason.value).strip()
    assert "\n" not in str(reason.value)
    assert str(tmp_path) not in str(reason.value)


@pytest.mark.parametrize("seed", range(60))
def test_flipped_bytes_never_escape_as_another_exception(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = write_image(tmp_path / f"image.{['jpg', 'png', 'webp', 'gif', 'tif', 'bmp'][seed % 6]}", seed=seed)
    broken = bytearray(path.read_bytes())
    for place in rng.integers(0, len(broken), 12):
        broken[place] = rng.integers(256)
    path.write_bytes(broken)
    try:
        mode = decode(path).mode
    except Rejected:
        mode = "RGB"
    assert mode == "RGB"


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 99)
    Image.new("RGB", (10, 10)).save(tmp_path / "bomb.png")
    with pytest.raises(Rejected, match="10 x 10 pixels; at most 99"):
        decode(tmp_path / "bomb.png")


def test_a_bomb_that_pillow_itself_refuses_has_a_reason_of_ours(tmp_path, monkeypatch):
    Image.new("RGB", (10, 10)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    with pytest.raises(Rejected, match="more than 80 pixels; at most 100,000,000 are decoded"):
        decode(tmp_path / "bomb.png")


def unreadable(self):
    raise PermissionError(13, "Permission denied")


def test_a_file_too_large_is_refused_unread(tmp_path, monkeypatch):
    path = write_image(tmp_path / "image.png")
    monkeypatch.setattr(Path, "read_bytes", unreadable)
    monkeypatch.setattr(decoding, "MAX_BYTES", 1000)
    with pytest.raises(Rejected, match=r"[0-9,]+ bytes; at most 1,000 are read"):
        decode(path)


def test_a_file_that_may_not_be_read_is_rejected(tmp_path, monkeypatch):
    path = write_image(tmp_path / "image.png")
    monkeypatch.setattr(Path, "read_bytes", unreadable)
    with pytest.raises(Rejected, match="cannot be read: Permission denied"):
        decode(path)


def test_a_pipe_is_rejected_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(Rejected, match="not a regular file"):
        decode(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    assert not decoding.looks_like_image(tmp_path / "pipe")


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("too deep"), OSError("out of memory when reading")])
def test_whatever_decoding_raises_becomes_a_reason(tmp_path, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    path = write_image(tmp_path / "image.png")
    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(Rejected, match=str(error) or "not enough memory to decode"):
        decode(path)


def test_a_file_for_which_there_is_no_memory_is_rejected(tmp_path, monkeypatch):
    def fail(self):
        raise MemoryError

    path = write_image(tmp_path / "image.png")
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(Rejected, match="not enough memory to read"):
        decode(path)


FOREIGN = {
    "PostScript, which starts a program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    "a font": b"PILfont\n;;;;;;10;\nDATA\n",
    "text": b"a note",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_files_are_no_images_whatever_they_are_called(tmp_path, kind):
    for name in ("image.png", "image.eps", "image"):
        (tmp_path / name).write_bytes(FOREIGN[kind])
        with pytest.raises(Rejected, match="not an image that Pillow knows"):
            decode(tmp_path / name)
    assert not decoding.looks_like_image(tmp_path / "image")


@pytest.mark.parametrize("format", decoding.FORMATS)
def test_a_format_is_known_by_its_contents(tmp_path, format):
    for name in ("image", "image.txt"):
        write_image(tmp_path / name, format=format)
        assert decode(tmp_path / name).size == (40, 30)
        assert decoding.looks_like_image(tmp_path / name)


@pytest.mark.parametrize("format", decoding.UNSIGNED_FORMATS)
def test_a_format_without_a_signature_is_known_by_its_name(tmp_path, format):
    for name in (f"image{decoding.UNSIGNED_FORMATS[format][0].upper()}", "image"):
        write_image(tmp_path / name, format=format)
    assert decode(tmp_path / f"image{decoding.UNSIGNED_FORMATS[format][0].upper()}").size == (40, 30)
    assert not decoding.looks_like_image(tmp_path / "image")
    with pytest.raises(Rejected):
        decode(tmp_path / "image")


def test_suffixes_are_those_of_pillow_for_the_formats_decoded():
    Image.init()
    formats = decoding.FORMATS | decoding.UNSIGNED_FORMATS
    registered = {suffix for suffix, format in Image.registered_extensions().items() if format in formats}
    assert registered | {".mpo"} == decoding.SUFFIXES


def test_the_first_of_a_cameras_several_pictures_is_decoded(tmp_path):
    pictures = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    pictures[0].save(tmp_path / "both.mpo", save_all=True, append_images=pictures[1:])
    assert np.asarray(decode(tmp_path / "both.mpo"))[0, 0].tolist() == [254, 0, 0]


def test_decoding_in_threads_leaves_warnings_as_they_were(tmp_path):
    path = write_image(tmp_path / "image.png", size=(400, 300))
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [path] * 200))
    assert list(warnings.filters) == before


def test_floating_pixels_and_folders_are_rejected(tmp_path):
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(Rejected, match="32-bit"):
        decode(tmp_path / "float.tif")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(Rejected, match="folder"):
        decode(tmp_path / "folder.jpg")


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (100, 80), (256, 256), (1, 1), (1411, 640), (224, 5000)])
def test_center_crop_is_scaling_then_cutting(size):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    scaled = [max(256, side * 256 // min(size)) for side in size]
    left, top = (scaled[0] - 224) // 2, (scaled[1] - 224) // 2
    whole = image.resize(scaled, Image.Resampling.BILINEAR).crop((left, top, left + 224, top + 224))
    assert (center_crop(image) == np.asarray(whole).transpose(2, 0, 1)).all()


def test_center_crop_of_an_extreme_shape_computes_the_square_only(monkeypatch):
    image = Image.effect_noise((40, 3000), 60).convert("RGB")
    whole = center_crop(image).astype(int)
    monkeypatch.setattr(decoding, "MAX_PIXELS", 10_000_000)
    # Pillow takes the square's place in single precision, so that some values fall on the other side of a half.
    assert np.abs(center_crop(image) - whole).max() <= 1
    assert center_crop(Image.new("RGB", (1, 4000))).shape == (3, 224, 224)


def test_without_a_shortest_side_pixels_stay_as_they_are():
    image = Image.effect_noise((61, 50), 60).convert("RGB")
    whole = np.asarray(image).transpose(2, 0, 1)
    assert (center_crop(image, shortest_side=None, crop=40) == whole[:, 5:45, 10:50]).all()
    assert (center_crop(image, shortest_side=None, crop=50) == whole[:, :, 5:55]).all()
    rng = np.random.default_rng(0)
    cut = random_crop(image, shortest_side=None, crop=50, rng=rng)
    assert any((cut == whole[:, :, left : left + 50]).all() for left in range(12))
    for crop in (center_crop, random_crop):
        more = {"rng": rng} if crop is random_crop else {}
        with pytest.raises(decoding.Rejected, match="61 x 50 pixels, smaller than the crop of 51, and images are not"):
            crop(image, shortest_side=None, crop=51, **more)


def test_random_crop_is_cut_from_the_scaled_image_by_its_generator_only():
    image = Image.effect_noise((80, 50), 60).convert("RGB")
    settings = {"shortest_side": 32, "crop": 24}
    first, again, other = (random_crop(image, **settings, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    whole = np.asarray(image.resize((51, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    places = [(top, left) for top in range(9) for left in range(28)]
    assert any((whole[:, top : top + 24, left : left + 24] == first).all() for top, left in places)
