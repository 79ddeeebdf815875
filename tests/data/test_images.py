"""Sizes of decoded images, beside plain Pillow and the rules of torchvision and PaddleOCR."""

import io
import math

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from cortado.data import Feed
from cortado.data.images import ImageForm, decode_image, read_size
from cortado.errors import CortadoError
from cortado.task.metadata import write_transform
from cortado.task.presets import Plane
from cortado.task.transform import InputTransform, MeanImage
from nets import build, decoded

RNG = np.random.default_rng(0)
SIZES = [(40, 60), (61, 40), (33, 47), (50, 50), (37, 111)]
OPEN = Plane(3, None, None)


def photograph(height, width, kind="PNG", **options):
    """Return a file of random pixels in colour, and Pillow's image of it."""
    image = Image.fromarray(RNG.integers(0, 256, (height, width, 3), np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue(), Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def planes(image):
    return np.asarray(image).transpose(2, 0, 1)


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize(("resize", "crop"), [(32, 28), (45, 31), (40, 40), (25, 0)])
def test_resize_and_crop_are_those_of_torchvision(height, width, resize, crop):
    data, image = photograph(height, width)
    short, long = sorted((height, width))
    longer = int(resize * long / short)  # _compute_resized_output_size
    new = (resize, longer) if width <= height else (longer, resize)
    expected = image if short == resize else image.resize(new, Image.Resampling.BILINEAR)
    if crop:
        left, top = (int(np.rint((side - crop) / 2.0)) for side in expected.size)  # center_crop
        expected = expected.crop((left, top, left + crop, top + crop))
    form = ImageForm.of(OPEN, InputTransform(order="rgb", resize=resize, crop=crop))
    np.testing.assert_array_equal(decode_image(data, form, upright=True), planes(expected))
    assert form.is_fixed == (crop > 0)
    assert form.decoded(height, width) == expected.size[::-1]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_with_a_fixed_height_the_width_follows_the_ratio(height, width):
    data, image = photograph(height, width)
    form = ImageForm.of(Plane(3, 48, None), InputTransform(order="rgb"))
    expected = image.resize((math.ceil(48 * width / height), 48), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(decode_image(data, form, upright=True), planes(expected))
    assert ImageForm.of(OPEN, InputTransform(order="rgb", size=(48, None))) == form
    assert not form.is_fixed


def test_with_a_fixed_width_the_height_follows_the_ratio():
    form = ImageForm.of(Plane(1, None, 20), InputTransform())
    assert form.resized(30, 61) == (math.ceil(30 * 20 / 61), 20)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 96), (64, 96)),
        ((70, 80), (64, 64)),  # 2.19 and 2.5 multiples; halves go to the even one
        ((5, 100), (32, 96)),
        ((1920, 1000), (960, 512)),
        ((100, 4000), (32, 960)),
        ((961, 961), (960, 960)),
    ],
)
def test_where_both_sides_are_open_they_are_multiples_of_32_and_at_most_960(size, expected):
    form = ImageForm.of(OPEN, InputTransform(order="rgb"))
    assert form.resized(*size) == expected


def test_multiple_and_longest_side_are_options():
    form = ImageForm(3, (None, None), "rgb", multiple=10, longest=100)
    assert form.resized(70, 203) == (30, 100)  # int(70 · 100 / 203) is 34
    data, image = photograph(33, 47)
    pixels = decode_image(data, form, upright=True)
    expected = image.resize((50, 30), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(pixels, planes(expected))


def test_a_form_takes_the_first_of_mean_image_resize_size_crop_and_input():
    plane, mean = Plane(3, 20, 20), MeanImage.of(np.zeros((3, 9, 8), np.float32))
    sizes = {
        InputTransform(image=mean, crop=7): (9, 8),
        InputTransform(resize=16, crop=12): (12, 12),
        InputTransform(size=(30, 40)): (30, 40),
        InputTransform(size=(30, 40), crop=20): (30, 40),  # cropped later, at random in training
        InputTransform(crop=20): (50, 60),
        InputTransform(): (20, 20),
    }
    for transform, expected in sizes.items():
        assert ImageForm.of(plane, transform).decoded(50, 60) == expected


@pytest.mark.parametrize(
    ("shape", "plane"),
    [
        (("N", 3, 20, 24), (3, 20, 24)),
        (("N", 20, 24, 3), (3, 20, 24)),
        (("N", 3, 48, None), (3, 48, None)),
        ((1, 1, None, None), (1, None, None)),
        (("N", 784), (None, None, None)),
    ],
)
def test_a_feed_knows_the_form_of_images(shape, plane):
    model = decoded(build([helper.make_node("Relu", ["x"], ["y"])], {}, {"x": shape}))
    for transform in (InputTransform(order="rgb"), InputTransform(resize=16, crop=12)):
        write_transform(model, transform)
        assert Feed.of(model).form == ImageForm.of(Plane(*plane), transform)


def test_a_crop_of_more_than_the_image_is_refused():
    with pytest.raises(CortadoError, match="sees 9×9 pixels; the image has only 8×16"):
        ImageForm(3, None, "rgb", resize=8, crop=9).decoded(20, 40)


def test_an_image_that_becomes_too_large_is_refused():
    with pytest.raises(CortadoError, match="1 × 60000 pixels become more than"):
        ImageForm(1, (48, None)).decoded(1, 60_000)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_of_an_image_that_is_turned_is_read_without_its_pixels(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data, _ = photograph(8, 20, kind, exif=exif)
    shape = decode_image(data, ImageForm(3, None, "rgb"), upright=True).shape
    assert read_size(data) == shape[1:] == ((8, 20) if orientation in (1, 3) else (20, 8))


def test_a_size_needs_no_pixels():
    data, _ = photograph(300, 200)
    assert read_size(data[:100]) == (300, 200)


@pytest.mark.parametrize("kind", ["EPS", "ICO", "PDF", "TGA"])
def test_other_formats_are_not_opened(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, kind)
    for read in (read_size, lambda data: decode_image(data, ImageForm(), upright=True)):
        with pytest.raises(CortadoError, match="it is no image that Pillow knows"):
            read(buffer.getvalue())
