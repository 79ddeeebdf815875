"""How images are fitted to the input of a model."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from cortado.data import Feed
from cortado.errors import CortadoError
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import build, conv_net, decoded, mlp

GREY = np.arange(2 * 28 * 28, dtype=np.float32).reshape(2, 1, 28, 28)


def feed_of(shape):
    return Feed.of(decoded(build([helper.make_node("Relu", ["x"], ["y"])], {}, {"x": shape})))


@pytest.mark.parametrize(
    ("wanted", "images"),
    [
        (["N", 1, 28, 28], GREY),
        (["N", 28, 28], GREY),
        (["N", 1, 1, 28, 28], GREY),
        (["N", 784], GREY),
        (["N", 3, None, None], np.ones((2, 3, 5, 7), np.float32)),
        (["N", None], np.ones((2, 7), np.float32)),
    ],
)
def test_images_are_reshaped_where_every_pixel_keeps_its_place(wanted, images):
    result = feed_of(wanted)(images)
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result.reshape(-1), images.reshape(-1))
    for size, have in zip(wanted[1:], result.shape[1:], strict=True):
        assert size in (None, have)


@pytest.mark.parametrize(
    ("wanted", "shape", "message"),
    [
        (["N", 1, 32, 32], (1, 28, 28), "the shape 1×28×28, the model's input x wants 1×32×32"),
        (["N", 3, 28, 28], (1, 28, 28), "1×28×28.*3×28×28"),
        (["N", 28, 28, 3], (3, 28, 28), "3×28×28.*28×28×3"),
        (["N", 14, 56], (1, 28, 28), "1×28×28.*14×56"),
        (["N", 785], (1, 28, 28), "1×28×28.*785"),
        (["N", None, 28], (1, 28, 28), r"1×28×28.*\?×28"),
        (["N", None], (1, 28, 28), r"1×28×28.*\?"),
    ],
)
def test_images_that_do_not_fit_are_refused(wanted, shape, message):
    with pytest.raises(CortadoError, match=message):
        feed_of(wanted)(np.zeros((2, *shape), np.float32))


def test_the_stored_transform_is_applied_after_fitting():
    model = conv_net()
    write_transform(model, InputTransform(0.5, (2.0,)))
    pixels = np.full((3, 6, 6), 4, np.float32)
    np.testing.assert_array_equal(Feed.of(model)(pixels), np.ones((3, 1, 6, 6)))


def test_the_batch_is_open_or_fixed():
    assert Feed.of(mlp()).batch is None
    assert Feed.of(mlp(fixed_batch=4)).batch == 4


def test_a_model_of_several_inputs_is_refused():
    node = helper.make_node("Add", ["a", "b"], ["y"])
    model = decoded(build([node], {}, {"a": ["N", 2], "b": ["N", 2]}))
    with pytest.raises(CortadoError, match="models with one input; this one has: a, b"):
        Feed.of(model)


def test_an_initializer_among_the_inputs_is_not_fed():
    """As in files of IR version 3, which list every initializer as an input too."""
    node = helper.make_node("Add", ["x", "b"], ["y"])
    inputs = {"x": ["N", 2], "b": [2]}
    assert Feed.of(decoded(build([node], {"b": np.ones(2, np.float32)}, inputs))).name == "x"


@pytest.mark.parametrize(
    ("kind", "shape"), [(TensorProto.UINT8, ["N", 4]), (TensorProto.FLOAT, [])]
)
def test_an_input_that_takes_no_batch_of_floats_is_refused(kind, shape):
    proto = build([helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)])
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", kind, shape))
    with pytest.raises(CortadoError, match="the input x is not float32 with a batch axis"):
        Feed.of(decoded(proto))
