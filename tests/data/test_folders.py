"""Image folders: what Pillow decodes, as the model wants it."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cortado.data import ImageForm, Signature, open_data
from cortado.data.images import decode_image
from cortado.errors import CortadoError, UsageError
from samples import everything

RNG = np.random.default_rng(0)
GREY = ImageForm(1, (6, 5))
COLOUR = ImageForm(3, (6, 5), "bgr")


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Return a folder of colour PNGs of 6×5 pixels, and their pixels by part, class and name."""
    written = {}
    for part, classes in (("train", "zebra ape cat"), ("test", "cat ape")):
        for name in classes.split():
            for i in range(5):
                pixels = RNG.integers(0, 256, (6, 5, 3), np.uint8)
                save(tmp_path / part / name / f"{i}.png", pixels)
                written[part, name, i] = pixels
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "train" / "cat" / ".hidden.png").write_text("no image")
    return tmp_path, written


@pytest.mark.parametrize("order", ["bgr", "rgb"])
def test_classes_are_sorted_and_colours_in_the_models_order(order, folder):
    path, written = folder
    dataset = open_data(str(path), Signature(ImageForm(3, (6, 5), order)))
    pixels, labels = everything(dataset.test)
    np.testing.assert_array_equal(labels, [0] * 5 + [1] * 5)  # ape, cat
    expected = np.stack([written["test", name, i] for name in ("ape", "cat") for i in range(5)])
    expected = expected[..., ::-1] if order == "bgr" else expected
    np.testing.assert_array_equal(pixels, expected.transpose(0, 3, 1, 2))
    assert (len(dataset.train) + len(dataset.val), dataset.classes) == (15, 3)


def test_a_folder_without_parts_is_divided(folder):
    dataset = open_data(str(folder[0] / "train"), Signature(COLOUR))
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [11, 1, 3]


def test_grey_is_the_luma(folder):
    path, written = folder
    pixels, _ = everything(open_data(str(path), Signature(GREY)).test)
    luma = written["test", "ape", 0] @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    np.testing.assert_allclose(pixels[0, 0], luma, atol=0.51)


def test_images_of_other_sizes_are_resized(tmp_path):
    ramp = np.tile(np.arange(0, 200, 10, dtype=np.uint8), (24, 1))  # 24×20
    for name in "ab":
        save(tmp_path / name / "x.png", np.full((2, 3), 9, np.uint8))
        for i in range(4):
            save(tmp_path / name / f"{i}.png", ramp)
    dataset = open_data(f"train={tmp_path},val={tmp_path},test={tmp_path}", Signature(GREY))
    pixels, _ = everything(dataset.test)
    assert pixels.shape == (10, 1, 6, 5)
    np.testing.assert_array_equal(pixels[4], np.full((1, 6, 5), 9))
    centres = 4 * np.arange(5) + 1.5  # of what each pixel averages, along the ramp
    np.testing.assert_allclose(pixels[0, 0, 3, 1:4], 10 * centres[1:4], atol=1)


def test_photographs_are_turned_upright(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: shown turned by 90° to the right
    picture = np.zeros((6, 6), np.uint8)
    picture[:, :3] = 255  # the left half becomes the upper one
    save(tmp_path / "a" / "x.jpg", picture, exif=turned, quality=95)
    save(tmp_path / "b" / "x.jpg", picture)
    form = ImageForm(1, (6, 6))
    pixels, _ = everything(
        open_data(f"train={tmp_path},val={tmp_path},test={tmp_path}", Signature(form)).test
    )
    assert pixels[0, 0, :3].mean() > 250
    assert pixels[0, 0, 3:].mean() < 5
    assert pixels[1, 0, :, :3].mean() > 250


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (ImageForm(), "does not take images of 1 or 3 channels"),
        (ImageForm(4, (6, 5)), "does not take images"),
        (ImageForm(3, None), "does not say the order of its channels"),
        (ImageForm(3, (6, 5)), "does not say the order of its channels"),
    ],
)
def test_what_the_model_does_not_say_is_not_guessed(form, message, folder):
    with pytest.raises(UsageError, match=message):
        open_data(str(folder[0]), Signature(form))


def test_a_class_without_training_images_is_refused(folder):
    save(folder[0] / "test" / "dog" / "0.png", np.zeros((6, 5), np.uint8))
    with pytest.raises(CortadoError, match="test/dog is a class that the training images lack"):
        open_data(str(folder[0]), Signature(GREY))


def test_a_damaged_image_is_named(folder):
    (folder[0] / "test" / "cat" / "0.png").write_bytes(b"nothing")
    dataset = open_data(str(folder[0]), Signature(GREY))
    with pytest.raises(CortadoError, match=r"test/cat/0\.png: it is no image that Pillow knows"):
        everything(dataset.test)


def png(width, height, rows):
    """Return a PNG in grey that declares a size, and holds so many rows of zeros."""

    def part(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = part(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    pixels = part(b"IDAT", zlib.compress(bytes((width + 1) * rows)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + part(b"IEND", b"")


@pytest.mark.parametrize("size", [(2**13, 2**13 + 1), (10**4, 10**4), (10**5, 10**5)])
@pytest.mark.filterwarnings("error")
def test_pixels_without_end_are_refused_before_they_are_decoded(size):
    with pytest.raises(CortadoError, match=r"pixels are more than|exceeds limit"):
        decode_image(png(*size, 1), GREY, upright=True)


def test_images_cut_anywhere_are_refused():
    whole = png(40, 40, 40)
    assert decode_image(whole, ImageForm(), upright=True).shape == (1, 40, 40)
    for size in range(0, whole.index(b"IEND") - 20, 3):  # what follows are checksums
        with pytest.raises(CortadoError, match="it is no image"):
            decode_image(whole[:size], ImageForm(), upright=True)
