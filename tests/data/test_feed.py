"""How images are fitted to the input of a model."""

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from cortado.data import IMAGE, ArraySamples, Batch, Feed, ImageForm
from cortado.errors import CortadoError
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import build, conv_net, decoded, mlp

GREY = np.arange(2 * 28 * 28, dtype=np.float32).reshape(2, 1, 28, 28)


def feed_of(shape):
    return Feed.of(decoded(build([helper.make_node("Relu", ["x"], ["y"])], {}, {"x": shape})))


def fed(feed, pixels):
    """Return what the only input gets for images."""
    (array,) = feed(Batch({IMAGE: pixels})).values()
    return array


@pytest.mark.parametrize(
    ("wanted", "images"),
    [
        (["N", 1, 28, 28], GREY),
        (["N", 28, 28], GREY),
        (["N", 1, 1, 28, 28], GREY),
        (["N", 784], GREY),
        (["N", 3, None, None], np.ones((2, 3, 5, 7), np.float32)),
        (["N", None], np.ones((2, 7), np.float32)),
        (["N", None, 28], GREY),
    ],
)
def test_images_are_reshaped_where_every_pixel_keeps_its_place(wanted, images):
    result = fed(feed_of(wanted), images)
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result.reshape(-1), images.reshape(-1))
    for size, have in zip(wanted[1:], result.shape[1:], strict=True):
        assert size in (None, have)


@pytest.mark.parametrize(
    ("wanted", "shape", "message"),
    [
        (["N", 1, 32, 32], (1, 28, 28), "the shape 1×28×28, the model's input x wants 1×32×32"),
        (["N", 3, 28, 28], (1, 28, 28), "1×28×28.*3×28×28"),
        (["N", 14, 56], (1, 28, 28), "1×28×28.*14×56"),
        (["N", 785], (1, 28, 28), "1×28×28.*785"),
        (["N", None], (1, 28, 28), r"1×28×28.*\?"),
    ],
)
def test_images_that_do_not_fit_are_refused(wanted, shape, message):
    with pytest.raises(CortadoError, match=message):
        fed(feed_of(wanted), np.zeros((2, *shape), np.float32))


def test_the_stored_transform_is_applied_after_fitting():
    model = conv_net()
    write_transform(model, InputTransform(0.5, (2.0,)))
    pixels = np.full((3, 6, 6), 4, np.float32)
    np.testing.assert_array_equal(fed(Feed.of(model), pixels), np.ones((3, 1, 6, 6)))


def test_a_model_with_channels_last_gets_them_last():
    images = np.random.default_rng(0).random((2, 3, 8, 7)).astype(np.float32)
    found = fed(feed_of(["N", 8, 7, 3]), images)
    np.testing.assert_array_equal(found, images.transpose(0, 2, 3, 1))
    assert feed_of(["N", 8, 7, 3]).form == ImageForm(3, (8, 7))


def several(**inputs):
    """Return the feed of a model with some inputs: name → (type, shape)."""
    proto = build([helper.make_node("Identity", [next(iter(inputs))], ["y"])])
    del proto.graph.input[:]
    for name, (kind, shape) in inputs.items():
        proto.graph.input.append(helper.make_tensor_value_info(name, kind, shape))
    return Feed.of(decoded(proto))


INTEGERS, FLOATS = TensorProto.INT64, TensorProto.FLOAT
TOKENS = {"ids": (INTEGERS, ["N", "L"]), "mask": (INTEGERS, ["N", "L"])}
SPEECH = {
    "input": (FLOATS, ["N", "T"]),
    "state": (FLOATS, [2, "N", 8]),
    "sr": (INTEGERS, []),
}


def test_integers_stay_integers_and_arrays_go_by_their_names():
    ids, mask = np.arange(6).reshape(2, 3), np.ones((2, 3), np.int32)
    found = several(**TOKENS)(Batch({"mask": mask, "ids": ids}))
    assert {name: array.dtype for name, array in found.items()} == dict.fromkeys(TOKENS, np.int64)
    np.testing.assert_array_equal(found["ids"], ids)


def test_a_state_that_is_not_given_is_zeros_for_every_sample():
    feed = several(**SPEECH)
    given = {"input": np.ones((3, 16), np.float32), "sr": np.array(8000)}
    found = feed(Batch(given))
    assert found["state"].shape == (2, 3, 8)
    assert not found["state"].any()
    assert found["sr"].shape == ()
    assert [adapter.name for adapter in feed.invented(given)] == ["state"]


def test_samples_that_bring_their_batch_axis_run_alone():
    feed = several(**SPEECH)
    given = {"input": np.ones((5, 1, 16), np.float32), "sr": np.full(5, 8000)}
    assert feed.limit(ArraySamples(given)) == 1
    found = feed(ArraySamples(given).take(np.array([2])))
    assert (found["input"].shape, found["sr"].shape) == ((1, 16), ())
    with pytest.raises(CortadoError, match="samples of the input sr can only run one by one"):
        feed(Batch(given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ids": np.ones((2, 3), int)}, "lack the input mask of the model; they have: ids"),
        ({"ids": np.ones((2, 3)), "mask": np.ones((2, 3), int)}, "ids wants int64.* float64"),
        ({"ids": np.ones((2, 3, 4), int), "mask": np.ones((2, 3), int)}, "can only run one by one"),
        (
            {**dict.fromkeys(("ids", "mask"), np.ones((2, 3), int)), "age": np.ones(2)},
            "the samples have age, and the model takes only: ids, mask",
        ),
    ],
)
def test_samples_that_do_not_fit_are_named(given, message):
    with pytest.raises(CortadoError, match=message):
        several(**TOKENS)(Batch(given))


def test_states_of_samples_are_stacked_along_the_batch_of_the_graph():
    """The graph wants (layers, batch, units); a sample has layers × units."""
    adapter = several(x=(FLOATS, ["N", 4]), state=(FLOATS, [2, "N", 8])).adapters[1]
    states = np.random.default_rng(0).random((3, 2, 8)).astype(np.float32)
    np.testing.assert_array_equal(adapter(states), states.transpose(1, 0, 2))
    np.testing.assert_array_equal(adapter(states[:1, :, None]), states[0][:, None])
    with pytest.raises(CortadoError, match=r"state state have the shape 8×2, the model wants 2×8"):
        adapter(states.transpose(0, 2, 1))


@pytest.mark.parametrize("name", ["state", "h0", "c_0", "hidden", "cell_state", "past_h", "hx"])
def test_names_of_states(name):
    assert several(x=(FLOATS, ["N", 4]), **{name: (FLOATS, [1, "N", 4])}).adapters[1].is_state


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mask", ["N", 4]),
        ("statement", ["N", 4]),
        ("x2", ["N", 4]),
        ("state", ["N", "L"]),
        ("cont", ["N"]),
        ("cont", ["N", 4, 1]),
        ("h", [4]),
    ],
)
def test_what_is_no_state_must_be_given(name, shape):
    assert not several(x=(FLOATS, ["N", 4]), **{name: (FLOATS, shape)}).adapters[1].is_state


def test_continuation_indicators_are_ones():
    feed = several(x=(FLOATS, [5, "N", 4]), cont=(FLOATS, [5, "N"]))
    assert feed.adapters[1].is_state
    np.testing.assert_array_equal(feed.adapters[1].initial(3), np.ones((5, 3)))


def test_an_input_alone_is_required_whatever_its_name():
    feed = several(hidden=(FLOATS, ["N", 4]))
    assert [adapter.name for adapter in feed.required] == ["hidden"]
    assert not feed.optional
    with pytest.raises(CortadoError, match="lack the input hidden"):
        feed.sources({})


def test_the_batch_is_open_or_fixed():
    assert Feed.of(mlp()).batch is None
    assert Feed.of(mlp(fixed_batch=4)).batch == 4


def test_an_initializer_among_the_inputs_is_not_fed():
    """As in files of IR version 3, which list every initializer as an input too."""
    node = helper.make_node("Add", ["x", "b"], ["y"])
    inputs = {"x": ["N", 2], "b": [2]}
    assert Feed.of(decoded(build([node], {"b": np.ones(2, np.float32)}, inputs))).names == ("x",)


def test_pixels_enter_an_input_of_bytes_as_bytes():
    value = ir.val("x", ir.DataType.UINT8, ir.Shape(["N", 3, 4, 4]))
    model = ir.Model(ir.Graph([value], [value], nodes=[], opset_imports={"": 17}), ir_version=10)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 4), np.uint8)
    for given in (pixels, pixels.astype(np.float32)):
        found = Feed.of(model)(Batch({IMAGE: given}))["x"]
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, pixels)


def steps_first(*shape):
    value = ir.val("x", ir.DataType.FLOAT, ir.Shape(shape))
    return ir.Model(ir.Graph([value], [value], nodes=[], opset_imports={"": 17}), ir_version=10)


@pytest.mark.parametrize("shape", [(7, "batch_size", 6), ("T", "N", 6), ("time", "batch", "width")])
def test_samples_lie_along_the_axis_that_is_named_after_the_batch(shape):
    feed, arrays = Feed.of(steps_first(*shape)), np.arange(210.0).reshape(5, 7, 6)
    found = feed(Batch({"x": arrays.astype(np.float32)}))["x"]
    assert feed.batch is None
    np.testing.assert_array_equal(found, arrays.transpose(1, 0, 2))


def test_samples_of_another_length_than_the_fixed_steps_are_refused():
    with pytest.raises(CortadoError, match="the input x have the shape 8×6, the model wants 7×6"):
        Feed.of(steps_first(7, "batch", 6))(Batch({"x": np.zeros((5, 8, 6), np.float32)}))


@pytest.mark.parametrize(
    "shape", [("N", "B", 6), ("seq", "b_len", 6), (None, None, 6), ("batch", "N", 6)]
)
def test_samples_lie_along_the_first_axis_otherwise(shape):
    arrays = np.zeros((5, 7, 6), np.float32)
    assert Feed.of(steps_first(*shape))(Batch({"x": arrays}))["x"].shape == (5, 7, 6)


def test_points_of_one_sample_are_no_batch():
    assert Feed.of(steps_first(1, "N", 6)).batch == 1
