"""The import as a whole: inputs, batch, names, sharing, notes, and weights that don't fit."""

import numpy as np
import pytest

from caffe.running import NO_WEIGHTS, caffemodel, load, one_layer, prototxt, run
from cortado.caffe import (
    CaffeOptions,
    Fillers,
    StatedTransform,
    import_caffe,
    read_caffemodel,
    read_transform_param,
)
from cortado.errors import CortadoError, UsageError
from cortado.task.metadata import read_transform
from cortado.task.transform import InputTransform
from support import needs_shared

IP = 'type: "InnerProduct" inner_product_param { num_output: 3 }'
X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
W, B = np.arange(12, dtype=np.float32).reshape(3, 4), np.ones(3, np.float32)


def imported(text, layers=None, **options):
    weights = read_caffemodel(caffemodel(layers)) if layers else NO_WEIGHTS
    return import_caffe(text, weights, CaffeOptions(**options))


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ({"other": [W]}, "the weights do not have it; they have: other"),
        ({"l": [W]}, "it needs 2 blobs (weight, bias); the weights have 1"),
        (
            {"l": [W.T, B]},
            "its weight has the shape [3, 4] in the prototxt and [4, 3] in the weights",
        ),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit(layers, reason):
    with pytest.raises(CortadoError) as error:
        imported(one_layer(IP, (2, 4)), layers)
    assert str(error.value) == f"layer 'l' (InnerProduct, line 2): {reason}"


def test_weights_of_a_layer_that_has_none():
    with pytest.raises(CortadoError) as error:
        imported(one_layer('type: "ReLU"'), {"l": [W, B]})
    assert str(error.value) == (
        "layer 'l' (ReLU, line 2): it has no blobs; the weights have 2 for it"
    )


def test_frozen_layers_without_chance_need_no_weights():
    settings = (
        "num_output: 6 group: 6 kernel_size: 4 stride: 2 bias_term: false "
        'weight_filler { type: "bilinear" }'
    )
    layer = f'type: "Deconvolution" convolution_param {{ {settings} }}'
    with pytest.raises(CortadoError, match="the weights do not have it; they have: none"):
        imported(one_layer(layer))
    model = imported(one_layer(f"{layer} param {{ lr_mult: 0 }}")).model
    assert model.graph.initializers["l.weight"].const_value.numpy()[0, 0, 1, 1] == 0.75**2


def test_a_net_that_is_absurdly_large_is_not_filled():
    layers = [
        f'layer {{ name: "l{i}" type: "InnerProduct" bottom: "data" top: "l{i}" '
        "inner_product_param { num_output: 10000 } }"
        for i in range(200)
    ]
    with pytest.raises(CortadoError, match=r"with it the net has 15\d+ values, too many"):
        import_caffe(one_layer('type: "ReLU"', (1, 1000)) + "".join(layers), Fillers())


def test_unused_weights_are_noted():
    notes = imported(one_layer(IP, (2, 4)), {"l": [W, B], "old": [W]}).notes
    assert notes == ("unused layers of the weights: old",)


SHARED_PARAMS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" }
        inner_product_param { num_output: 4 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" }
        inner_product_param { num_output: 4 bias_term: false } }
"""


def test_shared_params_are_one_initializer():
    w = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)
    model = imported(SHARED_PARAMS, {"a": [w], "b": [w]}).model
    assert list(model.graph.initializers) == ["a.weight"]
    np.testing.assert_allclose(run(model, data=X)["b"], X @ w.T @ w.T, rtol=1e-5, atol=1e-6)


def test_sharers_must_agree():
    text = SHARED_PARAMS.replace("num_output: 4", "num_output: 5", 1)
    with pytest.raises(CortadoError) as error:
        import_caffe(text, Fillers(0))
    assert str(error.value) == (
        "layer 'b' (InnerProduct, line 5): its weight of shape [4, 5] "
        "shares a.weight of shape [5, 4]"
    )


def test_sharers_may_want_another_shape():
    """A bias of a convolution that is the bias of a Scale as well."""
    conv = "convolution_param { num_output: 6 kernel_size: 1 }"
    text = one_layer(f'type: "Convolution" param {{ }} param {{ name: "b" }} {conv}') + (
        'layer { name: "s" type: "Scale" bottom: "l" top: "s" param { } param { name: "b" } '
        "scale_param { bias_term: true } }"
    )
    generator = np.random.default_rng(2)
    w, b, scale = (generator.normal(size=s).astype(np.float32) for s in ((6, 6, 1, 1), 6, 6))
    x = generator.normal(size=(2, 6, 7, 8)).astype(np.float32)
    model = imported(text, {"l": [w, b], "s": [scale, b]}).model
    y = np.einsum("oi,nihw->nohw", w[:, :, 0, 0], x) + b[:, None, None]
    expected = y * scale[:, None, None] + b[:, None, None]
    np.testing.assert_allclose(run(model, data=x)["s"], expected, rtol=1e-4, atol=1e-5)


def test_copies_of_a_shared_blob_must_be_equal():
    """Caffe would take the last copy for both layers."""
    w = np.ones((4, 4), np.float32)
    with pytest.raises(CortadoError) as error:
        imported(SHARED_PARAMS, {"a": [w], "b": [2 * w]})
    assert str(error.value) == (
        "layer 'b' (InnerProduct, line 5): its weight shares a.weight, "
        "but the weights hold other values for it"
    )


CONSTANTS = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: [2, 3] }} }} }}
layer {{ name: "d" type: "DummyData" top: "a" top: "b" dummy_data_param {{ {param} }} }}
layer {{ name: "e" type: "Eltwise" bottom: "x" bottom: "a" bottom: "b" top: "e" }}
"""
TWO_FILLERS = "shape { dim: [2, 3] } data_filler { value: 1 } data_filler "


def test_dummy_data_of_one_number_is_a_constant():
    found = imported(CONSTANTS.format(param=f"{TWO_FILLERS} {{ value: 2 }}"))
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(run(found.model, x=x)["e"], x + 3)
    assert found.notes == (
        "the batch size is fixed, because layer 'e' (Eltwise) has bottoms of a fixed batch size",
        "'a' is the constant 1, no input",
        "'b' is the constant 2, no input",
    )


def test_other_dummy_data_is_an_input():
    random = imported(CONSTANTS.format(param=TWO_FILLERS + '{ type: "gaussian" }')).model
    assert [value.name for value in random.graph.inputs] == ["x", "b"]
    text = CONSTANTS.format(param="shape { dim: [2, 3] }")
    asked = imported(text, input_shapes={"a": (2, 3)}).model
    assert [value.name for value in asked.graph.inputs] == ["x", "a"]
    alone = text[text.index('layer { name: "d"') :].replace('bottom: "x" ', "")
    assert [value.name for value in imported(alone).model.graph.inputs] == ["a", "b"]


DATA_LAYER = """
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
        transform_param { scale: 0.5 mean_value: 1 mean_value: 2 } }
layer { name: "r" type: "ReLU" bottom: "data" top: "r" }
"""


def test_shapes_of_data_layers():
    with pytest.raises(CortadoError, match="does not say the shape of its top 'data'"):
        imported(DATA_LAYER)
    for name in ("data", ""):
        found = imported(DATA_LAYER, input_shapes={name: (1, 2, 4, 4)})
        assert str(found.model.graph.inputs[0].shape) == "[N,2,4,4]"
    assert found.notes == ("dropped input 'label', which leads to no output",)
    assert read_transform(found.model) == InputTransform(0.5, (1.0, 2.0))


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ({"x": (1, 2)}, "the net has no input 'x'; it has: data"),
        ({"": ()}, "the input 'data' cannot have the shape []"),
        ({"": (0, 2)}, "the input 'data' cannot have the shape [0, 2]"),
    ],
)
def test_shapes_of_the_user_must_fit(shapes, reason):
    with pytest.raises(UsageError) as error:
        imported(DATA_LAYER, input_shapes=shapes)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("input_param { shape { dim: 2 } shape { dim: 3 } }", "it has 2 shapes for 1 tops"),
        ('bottom: "x" input_param { shape { dim: 2 } }', "it reads 'x', but data layers have no"),
        ("input_param { shape { " + "dim: 1 " * 33 + "} }", "] is too large for Caffe"),
    ],
)
def test_inputs_that_caffe_refuses(layer, reason):
    text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 } } }'
    text += f'layer {{ name: "y" type: "Input" top: "y" {layer} }}'
    text += 'layer { name: "r" type: "ReLU" bottom: "y" top: "r" }'
    with pytest.raises(CortadoError) as error:
        imported(text)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ('type: "DummyData" dummy_data_param { shape { dim: 3 dim: 2 } }', "[N,2]"),
        (
            'type: "DummyData" dummy_data_param { num: 3 channels: 1 height: 5 width: 6 }',
            "[N,1,5,6]",
        ),
        (
            'type: "MemoryData" memory_data_param { batch_size: 2 channels: 1 height: 5 width: 6 }',
            "[N,1,5,6]",
        ),
        (
            'type: "ImageData" image_data_param { batch_size: 2 } transform_param { crop_size: 9 }',
            "[N,3,9,9]",
        ),
    ],
)
def test_shapes_that_the_prototxt_states(layer, shape):
    relu = 'layer { name: "r" type: "ReLU" bottom: "x" top: "r" }'
    text = f'layer {{ name: "d" top: "x" {layer} }} {relu}'
    assert str(imported(text).model.graph.inputs[0].shape) == shape


def test_the_batch_is_fixed_where_a_layer_counts_on_it():
    text = one_layer('type: "Reshape" reshape_param { shape { dim: 2 dim: -1 } }')
    found = imported(text)
    assert str(found.model.graph.inputs[0].shape) == "[2,6,7,8]"
    assert found.notes == (
        "the batch size is fixed, because layer 'l' (Reshape) reshapes the batch",
    )


def test_dropout_leaves_no_trace():
    text = one_layer(IP, (2, 4)) + (
        'layer { name: "r" type: "ReLU" bottom: "l" top: "l" }'
        'layer { name: "d" type: "Dropout" bottom: "l" top: "l" }'
    )
    model = imported(text, {"l": [W, B]}).model
    assert [node.name for node in model.graph] == ["l", "r"]
    assert list(run(model, data=X)) == ["l"]


def test_an_output_that_is_another_blob_too():
    text = one_layer('type: "Split" top: "m"')
    results = run(imported(text).model, data=np.ones((2, 6, 7, 8), np.float32))
    assert list(results) == ["l", "m"]


def test_unknown_fields_are_noted():
    layer = 'type: "ReLU" relu_param { negative_slope: 0 wonder: 1 } wonder_param { a { b: 1 } }'
    assert imported(one_layer(layer)).notes == (
        "layer 'l' (ReLU, line 2): the field relu_param.wonder is unknown and ignored",
        "layer 'l' (ReLU, line 2): the field wonder_param is unknown and ignored",
    )


def test_unknown_fields_outside_of_layers_are_noted():
    text = one_layer('type: "ReLU"').replace("dim: 7", "din: 7").replace("shape", "wonder: 1 shape")
    notes = imported(text + '\nmayer { name: "lost" }').notes
    assert notes == (
        "prototxt line 3: the field mayer is unknown and ignored",
        "layer 'data' (Input, line 1): the field input_param.wonder is unknown and ignored",
        "layer 'data' (Input, line 1): the field input_param.shape.din is unknown and ignored",
    )


def test_layers_of_one_name_keep_their_own_constants():
    scaled = (
        'layer {{ name: "p" type: "Power" bottom: "{}" top: "{}" power_param {{ scale: {} }} }}'
    )
    text = one_layer('type: "ReLU"', (2, 4)) + "".join(
        scaled.format(*which) for which in (("l", "a", 2), ("a", "b", 3), ("b", "c", 2))
    )
    model = imported(text).model
    np.testing.assert_array_equal(run(model, data=X)["c"], 12 * X.clip(0))
    assert len(model.graph.initializers) == 2  # of equal values there is one


def test_names_that_clash_stay_apart():
    text = (
        one_layer(IP, (2, 4)) + 'layer { name: "l.weight" type: "ReLU" bottom: "l" top: "l.bias" }'
    )
    (result,) = run(imported(text, {"l": [W, B]}).model, data=X).values()
    np.testing.assert_allclose(result, np.maximum(X @ W.T + B, 0), rtol=1e-5)


def test_transform_param():
    stated = read_transform_param(DATA_LAYER)
    assert stated == StatedTransform(InputTransform(0.5, (1.0, 2.0)))
    assert read_transform_param(one_layer('type: "ReLU"')) is None
    without = read_transform_param(
        DATA_LAYER.replace("mean_value: 1 mean_value: 2", 'mean_file: "m"')
    )
    assert without.transform == InputTransform(0.5)
    assert "its mean is in the file 'm', which was not read" in without.missing


@needs_shared
def test_a_training_net():
    options = CaffeOptions(input_shapes={"data": (1, 1, 28, 28)})
    weights = load("lenet5/lenet_iter_10000.caffemodel")
    found = import_caffe(prototxt("lenet5/train_test.prototxt"), weights, options)
    deployed = import_caffe(prototxt("lenet5/deploy.prototxt"), weights)
    x = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    np.testing.assert_array_equal(
        run(found.model, data=x)["prob"], run(deployed.model, data=x)["prob"]
    )
    kept = "remembered for evaluate and retrain"
    assert f"dropped layer 'loss' (SoftmaxWithLoss), which scores 'fc2'; {kept}" in found.notes
    assert set(found.model.metadata_props) == {"cortado.criteria", "cortado.input"}
    assert read_transform(found.model) == InputTransform(1 / 256)


def test_training_says_whether_to_mirror_and_image_files_are_bgr():
    phases = "".join(
        f'layer {{ name: "d" type: "ImageData" top: "x" include {{ phase: {phase} }} '
        f"transform_param {{ crop_size: 3 mirror: {mirror} }} }}"
        for phase, mirror in (("TRAIN", "true"), ("TEST", "false"))
    )
    expected = InputTransform(1.0, crop=3, mirror=True, order="bgr")
    assert read_transform_param(phases).transform == expected
    grey = phases.replace("transform", "image_data_param { is_color: false } transform")
    assert read_transform_param(grey).transform == InputTransform(1.0, crop=3, mirror=True)


def test_a_mean_is_a_file_or_numbers():
    both = DATA_LAYER.replace("mean_value: 1", 'mean_file: "m" mean_value: 1')
    with pytest.raises(CortadoError, match="both a mean_file and mean_value"):
        read_transform_param(both)


SHARED_SQUARE = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 1, 3] } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
        inner_product_param { num_output: 3 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "x" top: "b" param { name: "w" }
        inner_product_param { num_output: 3 bias_term: false axis: 2 } }
"""


def test_a_square_weight_shared_in_two_layouts_is_refused():
    with pytest.raises(
        CortadoError, match=r"a\.weight is shared by layers that want it in different"
    ):
        imported(SHARED_SQUARE, {"a": [np.arange(9).reshape(3, 3)]})


def test_layers_without_blobs_may_have_the_same_name():
    text = one_layer('type: "Power" power_param { scale: 2 }', (2, 3))
    text += 'layer { name: "l" type: "Power" bottom: "l" top: "m" power_param { scale: 3 } }'
    x = np.float32([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(run(imported(text).model, data=x)["m"], 6 * x)


TOWERS = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "other" type: "Input" top: "other" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "sim" type: "Input" top: "sim" input_param { shape { dim: 2 } } }
layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" param { name: "w" }
        inner_product_param { num_output: 4 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "other" top: "b" param { name: "w" }
        inner_product_param { num_output: 4 bias_term: false } }
layer { name: "loss" type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "sim" top: "loss" }
"""


def test_a_copy_that_leads_to_no_output_must_be_equal():
    """Caffe runs the second tower, too: its copy would be the last, and count for both."""
    w = np.ones((4, 4), np.float32)
    assert list(imported(TOWERS, {"a": [w], "b": [w]}).model.graph.initializers) == ["a.weight"]
    with pytest.raises(CortadoError) as error:
        imported(TOWERS, {"a": [w], "b": [2 * w]})
    assert str(error.value) == (
        "layer 'b' (InnerProduct, line 7): a blob of it shares a.weight, "
        "but the weights hold other values for it"
    )
