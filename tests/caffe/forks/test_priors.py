"""PriorBox against its loops in plain Python, and against OpenCV."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe.forks.detection import prior_boxes
from caffe.running import NO_WEIGHTS, run
from cortado.caffe import Fillers, import_caffe
from cortado.errors import CortadoError

SIZE, IMAGE = (5, 7), (40, 50)


def net(fields):
    return f"""
    layer {{ name: "data" type: "Input" top: "data"
            input_param {{ shape {{ dim: 2 dim: 1 dim: {IMAGE[0]} dim: {IMAGE[1]} }} }} }}
    layer {{ name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param {{
            pool: AVE kernel_h: 8 kernel_w: 8 stride_h: 8 stride_w: 7 }} }}
    layer {{ name: "l" type: "PriorBox" bottom: "pool" bottom: "data" top: "l"
            prior_box_param {{ {fields} }} }}
    """


def priors(fields):
    """Return the boxes and the variances, (n, 4) each."""
    model = import_caffe(net(fields), NO_WEIGHTS).model
    data = np.zeros((3, 1, *IMAGE), np.float32)  # of another batch size: priors have none
    boxes, variances = run(model, data=data)["l"][0].reshape(2, -1, 4)
    return boxes, variances


def spelled(options):
    """Return the fields that say what a dict says."""
    lists = {name: value for name, value in options.items() if isinstance(value, list)}
    singles = {name: value for name, value in options.items() if name not in lists}
    fields = [f"{name}: {value}" for name, values in lists.items() for value in values]
    return " ".join([*fields, *(f"{name}: {str(v).lower()}" for name, v in singles.items())])


@st.composite
def options(draw):
    small = draw(st.lists(st.floats(1, 20, width=32), min_size=1, max_size=3))
    found = {
        "min_size": small,
        "aspect_ratio": draw(st.lists(st.sampled_from([1, 2, 0.5, 3, 0.333333, 1.5]), max_size=4)),
        "flip": draw(st.booleans()),
        "clip": draw(st.booleans()),
        "offset": draw(st.sampled_from([0.5, 0, 0.25])),
    }
    if draw(st.booleans()):
        found["max_size"] = [size + draw(st.floats(0.5, 9, width=32)) for size in small]
    return found


@given(options())
@settings(max_examples=40, deadline=None)
def test_boxes(found):
    boxes, variances = priors(spelled(found))
    np.testing.assert_allclose(boxes, prior_boxes(SIZE, IMAGE, found), rtol=1e-5, atol=1e-6)
    assert np.unique(variances).tolist() == [np.float32(0.1)]


@pytest.mark.parametrize(
    "fields",
    [
        "min_size: 4 max_size: 9 aspect_ratio: 2 aspect_ratio: 3 flip: true clip: true "
        "variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2",
        "min_size: 7.9 aspect_ratio: 2 flip: false clip: false variance: 0.3 step: 9 offset: 0.25",
        "min_size: 4 min_size: 8 max_size: 9 max_size: 11 clip: false step_h: 8 step_w: 6 "
        "aspect_ratio: 2 variance: 0.1",
    ],
)
def test_opencv_agrees(fields):
    """OpenCV does not truncate sizes, so that it is given those without their fractions."""
    truncated = fields.replace("7.9", "7")
    opencv = cv2.dnn.readNetFromCaffe(np.frombuffer(net(truncated).encode(), np.uint8))
    opencv.setInput(np.zeros((1, 1, *IMAGE), np.float32))
    expected = opencv.forward("l")
    boxes, variances = priors(fields)
    np.testing.assert_allclose(boxes.ravel(), expected[0, 0], atol=1e-6)
    np.testing.assert_array_equal(variances.ravel(), expected[0, 1])


def test_the_size_of_the_image_may_be_stated():
    boxes, _ = priors("min_size: 4 img_h: 80 img_w: 100")
    np.testing.assert_allclose(boxes, prior_boxes(SIZE, (80, 100), {"min_size": [4]}), atol=1e-6)
    boxes, _ = priors("min_size: 4 img_size: 60")
    np.testing.assert_allclose(boxes, prior_boxes(SIZE, (60, 60), {"min_size": [4]}), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("", "it needs a min_size"),
        ("min_size: 0", "its sizes must be positive numbers"),
        ("min_size: 4 max_size: inf", "its sizes must be positive numbers"),
        ("min_size: 4 min_size: 5 max_size: 6", "it has 2 of min_size and 1 of max_size"),
        ("min_size: 4 max_size: 4", "a max_size does not exceed its min_size"),
        ("min_size: 4 aspect_ratio: 0", "its aspect_ratio 0.0 is no positive number"),
        ("min_size: 4 variance: [1, 2]", "variance is given once or four times"),
        ("min_size: 4 img_size: 9 img_h: 9", "it has both img_size and img_h or img_w"),
        ("min_size: 4 step_h: 9", "step, or step_h and step_w, must be positive"),
    ],
)
def test_refusals(fields, reason):
    with pytest.raises(CortadoError) as error:
        import_caffe(net(fields), Fillers(0))
    assert reason in str(error.value)
