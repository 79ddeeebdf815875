"""Models back in caffemodels: the import gives them back, and OpenCV computes with them.

That Caffe 1.0 loads what is written here, and computes bit for bit what it computed with the
original weights, was tried with every net and layer below.
"""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caffe.architectures import WITH_GOLDENS
from caffe.forks.architectures import ATROUS, DETECTOR, EXCITED, SHUFFLE
from caffe.running import CAFFE, GOLDENS, caffemodel, load, prototxt, run
from caffe.test_goldens import LAYERS, NETS
from cortado.caffe import (
    CaffeOptions,
    Fillers,
    LayerBlobs,
    export_caffe,
    import_caffe,
    read_caffemodel,
)
from cortado.caffe.writer import write_caffemodel
from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.model.layers.selector import ALL, Assignment
from cortado.model.onnx_io.serial import decode, encode
from cortado.prune import PruneOptions, prune
from support import needs_shared

SHAPES = st.lists(st.integers(1, 4), max_size=5).map(tuple)


@given(st.dictionaries(st.text(max_size=5), st.lists(SHAPES, max_size=3), min_size=1, max_size=4))
def test_what_is_written_is_read(layers):
    generator = np.random.default_rng(0)
    blobs = {
        name: tuple(generator.normal(size=shape).astype(np.float32) for shape in shapes)
        for name, shapes in layers.items()
    }
    data = write_caffemodel("net", [LayerBlobs(name, "T", b) for name, b in blobs.items()])
    found = read_caffemodel(data).layers
    assert list(found) == list(blobs)
    for name, arrays in blobs.items():
        assert [blob.array.shape for blob in found[name]] == [array.shape for array in arrays]
        for blob, array in zip(found[name], arrays, strict=True):
            np.testing.assert_array_equal(blob.array, array)


def initializers(model):
    return {name: value.const_value.numpy() for name, value in model.graph.initializers.items()}


def assert_same(model, text, data, **options):
    """Check that a caffemodel gives a model back, value for value."""
    again = import_caffe(text, read_caffemodel(data), CaffeOptions(**options)).model
    expected, found = initializers(model), initializers(again)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@needs_shared
@pytest.mark.parametrize("name", NETS)
def test_nets(name):
    text, weights = NETS[name]
    model = import_caffe(prototxt(text), load(weights)).model
    exported = export_caffe(model, prototxt(text))
    assert_same(model, prototxt(text), exported.data)
    if name != "cifar10-quick-v1":  # OpenCV does not resize its blobs of the first format
        golden = np.load(GOLDENS / "nets" / f"{name}.npz")
        read = np.frombuffer(exported.data, np.uint8)
        net = cv2.dnn.readNetFromCaffe(np.frombuffer(prototxt(text).encode(), np.uint8), read)
        net.setInput(golden["data"])
        outputs = [blob for blob in golden.files if blob != "data"]
        for output in outputs:
            np.testing.assert_allclose(net.forward(output), golden[output], atol=1e-5)


@needs_shared
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    folder = GOLDENS / "layers"
    text = (folder / f"{name}.prototxt").read_text()
    weights = read_caffemodel((folder / f"{name}.caffemodel").read_bytes())
    model = import_caffe(text, weights).model
    if any(blobs for blobs in weights.layers.values()):
        assert_same(model, text, export_caffe(model, text).data)
    else:
        with pytest.raises(CortadoError, match="the net has no parameters"):
            export_caffe(model, text)


INPUT = 'layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ {} }} }} }}\n'


def net(layers, shape=(2, 4, 6, 5)):
    return INPUT.format(" ".join(f"dim: {size}" for size in shape)) + layers


RANDOM = 'weight_filler { type: "gaussian" } bias_filler { type: "uniform" }'
MOVED = {
    "transposed to a MatMul": 'layer { name: "l" type: "InnerProduct" bottom: "x" top: "y" '
    f"inner_product_param {{ num_output: 3 axis: 2 {RANDOM} }} }}",
    "aligned": 'layer { name: "l" type: "PReLU" bottom: "x" top: "y" '
    'prelu_param { filler { type: "uniform" } } }',
    "divided by a factor": 'layer { name: "l" type: "BatchNorm" bottom: "x" top: "y" }',
    "in two layers": f"""
        layer {{ name: "l" type: "InnerProduct" bottom: "x" top: "l" param {{ name: "w" }}
                 inner_product_param {{ num_output: 5 axis: 3 {RANDOM} }} }}
        layer {{ name: "m" type: "InnerProduct" bottom: "l" top: "y" param {{ name: "w" }}
                 inner_product_param {{ num_output: 5 axis: 3 {RANDOM} }} }}""",
}


@pytest.mark.parametrize("layers", MOVED.values(), ids=MOVED)
def test_values_that_the_import_moves_come_back(layers):
    model = import_caffe(net(layers), Fillers(3)).model
    assert_same(model, net(layers), export_caffe(model, net(layers)).data)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31))
def test_a_pruned_net_comes_back_through_a_file(seed):
    text = net(f"""
        layer {{ name: "c" type: "Convolution" bottom: "x" top: "c"
                 convolution_param {{ num_output: 6 kernel_size: 3 group: 2 {RANDOM} }} }}
        layer {{ name: "r" type: "ReLU" bottom: "c" top: "c" }}
        layer {{ name: "f" type: "InnerProduct" bottom: "c" top: "f"
                 inner_product_param {{ num_output: 7 {RANDOM} }} }}""")
    model = import_caffe(text, Fillers(seed)).model
    pruned = decode(encode(prune(model, [Assignment(ALL, 0.7)], PruneOptions()).model), "it")
    assert_same(pruned, text, export_caffe(pruned, text).data)


NORM = """
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "bn" }
layer { name: "s" type: "Scale" bottom: "bn" top: "y"
        scale_param { filler { type: "uniform" min: 0.5 } bias_term: true } }
"""


def trained(text):
    """Return the model with all of its values moved, as retraining moves them."""
    model = import_caffe(text, Fillers(1)).model
    generator = np.random.default_rng(4)
    moved = {
        name: (array + generator.uniform(0.1, 0.5, array.shape)).astype(np.float32)
        for name, array in initializers(model).items()
    }
    return replace_weights(model, moved)


def test_the_scale_layer_takes_what_training_gave_to_batch_norm():
    model = trained(net(NORM))
    exported = export_caffe(model, net(NORM))
    again = import_caffe(net(NORM), read_caffemodel(exported.data)).model
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 5)).astype(np.float32)
    np.testing.assert_allclose(run(again, x=x)["y"], run(model, x=x)["y"], rtol=2e-6, atol=2e-6)
    factors = initializers(again)
    assert (factors["bn.scale"] == 1).all()
    assert not factors["bn.bias"].any()


@pytest.mark.parametrize(
    "layers",
    [
        NORM[: NORM.index('layer { name: "s"')],
        NORM.replace("bias_term: true", ""),
        NORM + 'layer { name: "r" type: "ReLU" bottom: "bn" top: "r" }',
    ],
    ids=["no Scale", "no bias", "another reader"],
)
def test_batch_norm_without_a_place_for_its_training_is_refused(layers):
    with pytest.raises(CortadoError) as error:
        export_caffe(trained(net(layers)), net(layers))
    assert str(error.value).startswith(
        "layer 'bn' (BatchNorm): in the model it has a scale or bias that is trained; "
    )


def test_five_blobs_of_batch_norm_and_masks_need_the_weights_that_were_there():
    """NVIDIA's BatchNorm has a place for scale and bias; a mask is where weights are left."""
    layers = 'layer { name: "l" type: "BatchNorm" bottom: "x" top: "y" }'
    generator = np.random.default_rng(0)
    blobs = [generator.uniform(0.5, 1, n).astype(np.float32) for n in (4, 4, 1, 4, 4)]
    weights = read_caffemodel(caffemodel({"l": blobs}))
    model = import_caffe(net(layers), weights).model
    assert_same(model, net(layers), export_caffe(model, net(layers), weights).data)
    with pytest.raises(CortadoError, match="it has a scale or bias that is trained"):
        export_caffe(model, net(layers))

    masked = 'layer { name: "l" type: "CConvolution" bottom: "x" top: "y" convolution_param '
    masked += "{ num_output: 3 kernel_size: 2 bias_term: false } }"
    weight = generator.normal(size=(3, 4, 2, 2)).astype(np.float32)
    mask = (generator.random(weight.shape) < 0.5).astype(np.float32)
    weights = read_caffemodel(caffemodel({"l": [weight, mask]}))
    model = import_caffe(net(masked), weights).model
    exported = export_caffe(model, net(masked), weights)
    assert_same(model, net(masked), exported.data)
    found = read_caffemodel(exported.data).layers["l"]
    np.testing.assert_array_equal(found[0].array, weight * mask)
    np.testing.assert_array_equal(found[1].array, mask)


def test_layers_that_lead_to_no_output_are_taken_from_the_weights():
    layers = """
        layer { name: "l" type: "InnerProduct" bottom: "x" top: "y"
                inner_product_param { num_output: 2 bias_term: false } }
        layer { name: "m" type: "InnerProduct" bottom: "x" top: "z"
                inner_product_param { num_output: 2 bias_term: false } }
        layer { name: "s" type: "Silence" bottom: "z" }"""
    w = np.arange(8, dtype=np.float32).reshape(2, 4)
    weights = read_caffemodel(caffemodel({"l": [w], "m": [2 * w]}))
    text = net(layers, (1, 4))
    model = import_caffe(text, weights).model
    assert list(read_caffemodel(export_caffe(model, text).data).layers) == ["l"]
    exported = export_caffe(model, text, weights)
    assert exported.notes == ("layer 'm' (InnerProduct) leads to no output: it is as it was",)
    np.testing.assert_array_equal(read_caffemodel(exported.data).layers["m"][0].array, 2 * w)


IP = (
    'layer { name: "l" type: "InnerProduct" bottom: "x" top: "y" '
    "inner_product_param { num_output: 3 } }"
)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            IP.replace("num_output: 3", "num_output: 4"),
            "l.weight has the shape [3, 120] in the model and [4, 120] in the net",
        ),
        (
            IP + 'layer { name: "r" type: "ReLU" bottom: "y" top: "z" }',
            "the model does not come from this net: it has no more nodes where the net has "
            "Relu (y → z)",
        ),
        (
            IP.replace('name: "l"', 'name: "m"'),
            "the model does not come from this net: it has Flatten (x → l/flatten) where the net "
            "has Flatten (x → m/flatten)",
        ),
        (
            'layer { name: "l" type: "InnerProduct" bottom: "x" top: "y" '
            "inner_product_param { num_output: 3 bias_term: false } }",
            "the model does not come from this net: it has "
            "Gemm (l/flatten, l.weight, l.bias → y) where the net has "
            "Gemm (l/flatten, l.weight → y)",
        ),
    ],
)
def test_models_of_other_nets_are_refused(other, reason):
    model = import_caffe(net(IP), Fillers(0)).model
    with pytest.raises(CortadoError) as error:
        export_caffe(model, net(other))
    again = "; what it was imported with, such as --cut-at or --phase, must be given again"
    assert str(error.value).removesuffix(again) == reason


@needs_shared
def test_a_net_whose_shapes_come_from_the_model():
    """The training net's data layer has no shape; the model has."""
    text = (CAFFE / "lenet5/train_test.prototxt").read_text()
    weights = load("lenet5/lenet_iter_10000.caffemodel")
    shapes = {"data": (1, 1, 28, 28)}
    model = import_caffe(text, weights, CaffeOptions(shapes)).model
    assert_same(model, text, export_caffe(model, text).data, input_shapes=shapes)
    assert [layer.name for layer in find_layers(model).prunable]


ARCHITECTURES = {
    **WITH_GOLDENS,
    "detector": DETECTOR,
    "shuffle": SHUFFLE,
    "excited": EXCITED,
    "atrous": ATROUS,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_whole_nets_of_every_kind(name):
    text = ARCHITECTURES[name]
    model = import_caffe(text, Fillers(2)).model
    assert_same(model, text, export_caffe(model, text).data)


RECURRENT = """
layer {{ name: "c" type: "Input" top: "c" input_param {{ shape {{ dim: 2 dim: 4 }} }} }}
layer {{ name: "l" type: "{}" bottom: "x" bottom: "c" top: "y"
        recurrent_param {{ num_output: 3 weight_filler {{ type: "gaussian" }}
                           bias_filler {{ type: "gaussian" }} }} }}
"""


@pytest.mark.parametrize("kind", ["LSTM", "RNN"])
def test_gates_come_back_in_the_order_of_caffe(kind):
    text = net(RECURRENT.format(kind))
    model = import_caffe(text, Fillers(2)).model
    assert_same(model, text, export_caffe(model, text).data)


TOWER = """
layer {{ name: "{0}" type: "InnerProduct" bottom: "x" top: "{0}" param {{ name: "w" }}
        inner_product_param {{ num_output: 4 weight_filler {{ type: "gaussian" }} }} }}
"""


def test_sharers_that_lead_to_no_output_get_the_values_of_the_model():
    """Caffe takes the last copy of a shared blob, which here is in a tower that is dropped."""
    loss = 'layer { name: "l" type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "x" }'
    text = net(TOWER.format("a") + TOWER.format("b") + loss, (2, 4))
    generator = np.random.default_rng(0)
    weight, *biases = (generator.normal(size=s).astype(np.float32) for s in ((4, 4), 4, 4))
    blobs = [LayerBlobs(n, "InnerProduct", (weight, b)) for n, b in zip("ab", biases, strict=True)]
    original = read_caffemodel(write_caffemodel("net", blobs))
    model = import_caffe(text, original).model
    pruned = prune(model, [Assignment(ALL, 0.5)], PruneOptions()).model
    exported = export_caffe(pruned, text, original)
    a, b = (read_caffemodel(exported.data).layers[name] for name in "ab")
    assert np.count_nonzero(a[0].array == 0) == 8
    np.testing.assert_array_equal(b[0].array, a[0].array)
    np.testing.assert_array_equal(b[1].array, biases[1])
    assert "b" not in read_caffemodel(export_caffe(pruned, text).data).layers
    assert exported.notes == (
        "layer 'b' (InnerProduct) leads to no output: it is as it was, but for what it shares",
    )
