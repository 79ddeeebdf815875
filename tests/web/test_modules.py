"""The modules of the demo page, each by itself in Node.js."""

import numpy as np
import onnx
import pytest
import sklearn.datasets

from cortado.data import IMAGE
from cortado.data.digits import load_digits
from nets import build
from web.node import evaluate, need_node

SIZE = 280
BAR = [(130, 60, 150, 220)]


@pytest.fixture(autouse=True)
def _node():
    need_node()


def drawing(boxes):
    """Return the pixels of paper with boxes (left, top, right, bottom) full of ink."""
    pixels = np.zeros((SIZE, SIZE))
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 255
    return pixels


def frame(framing, pixels):
    """Return what the page makes of a drawing: 28×28 pixels."""
    source = {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "pixels": pixels.ravel().tolist(),
    }
    image = "{ ...args[0], pixels: Float32Array.from(args[0].pixels) }"
    expression = f"Array.from(page.framings.{framing}({image}).pixels)"
    return np.reshape(evaluate("framing.js", expression, source), (28, 28))


def extent(image, axis):
    """Return first and last row (axis 0) or column (axis 1) with ink."""
    used = np.flatnonzero(image.any(axis=1 - axis))
    return used[0], used[-1]


def centre(image):
    """Return where the ink balances, as (row, column)."""
    places = np.indices(image.shape) + 0.5
    return (places * image).sum(axis=(1, 2)) / image.sum()


@pytest.mark.parametrize("framing", ["mnist", "digits"])
def test_empty_paper_stays_empty(framing):
    assert not frame(framing, drawing([])).any()


@pytest.mark.parametrize("boxes", [BAR, [(10, 20, 30, 40)], [(60, 90, 260, 110)]])
def test_mnist_digits_fill_20_pixels(boxes):
    image = frame("mnist", drawing(boxes))
    lengths = [last - first + 1 for first, last in (extent(image, 0), extent(image, 1))]
    assert max(lengths) == 20
    assert image.max() == pytest.approx(255)


def test_mnist_digits_balance_in_the_middle():
    image = frame("mnist", drawing([*BAR, (130, 200, 220, 220)]))  # an L
    assert np.abs(centre(image) - 14).max() <= 0.5  # moved by whole pixels
    assert extent(image, 1)[0] + extent(image, 1)[1] != 27  # the middle of the box is elsewhere


def test_embedded_digits_fill_the_height():
    image = frame("digits", drawing(BAR))
    assert extent(image, 0) == (0, 27)
    assert centre(image) == pytest.approx([14, 14], abs=0.01)


def test_embedded_digits_come_back_as_cortado_has_them():
    """Drawn with squares for pixels, a digit that touches all four edges loses nothing."""
    originals = sklearn.datasets.load_digits().images
    edges = [originals[:, 0], originals[:, -1], originals[:, :, 0], originals[:, :, -1]]
    index = np.flatnonzero(np.all([edge.any(axis=1) for edge in edges], axis=0))[0]
    drawn = np.kron(originals[index] * 255 / 16, np.ones((20, 20)))
    expected = load_digits().inputs[IMAGE][index, 0]
    np.testing.assert_allclose(frame("digits", drawn), expected, atol=1e-3)


def read_metadata(data):
    return evaluate("metadata.js", "page.readMetadata(Uint8Array.from(args[0]))", list(data))


def test_metadata_is_read_from_the_file():
    notes = {"cortado.input": '{"scale":0.5}', "other": "dos cafés", "empty": ""}
    proto = build([onnx.helper.make_node("Relu", ["x"], ["y"])], {"w": np.ones((40, 50))})
    onnx.helper.set_model_props(proto, notes)
    assert read_metadata(proto.SerializeToString()) == notes


def test_a_file_without_metadata_has_none():
    proto = build([onnx.helper.make_node("Relu", ["x"], ["y"])])
    assert read_metadata(proto.SerializeToString()) == {}
