"""Whole nets, single layers and poolings against what real Caffe 1.0 computed."""

import json

import numpy as np
import pytest

from caffe.running import CAFFE, GOLDENS, NO_WEIGHTS, load, one_layer, prototxt, run
from cortado.caffe import import_caffe, read_caffemodel
from cortado.errors import CortadoError
from cortado.model.layers.prunable import find_layers
from support import needs_shared

pytestmark = needs_shared

NETS = {
    "lenet5": ("lenet5/deploy.prototxt", "lenet5/lenet_iter_10000.caffemodel"),
    "dns-lenet5-original": ("dns-lenet5/deploy.prototxt", "dns-lenet5/original.caffemodel"),
    "dns-lenet5-sparse": ("dns-lenet5/deploy.prototxt", "dns-lenet5/sparse.caffemodel"),
    "dns-lenet300100-original": (
        "dns-lenet300100/deploy.prototxt",
        "dns-lenet300100/original.caffemodel",
    ),
    "dns-lenet300100-sparse": (
        "dns-lenet300100/deploy.prototxt",
        "dns-lenet300100/sparse.caffemodel",
    ),
    "mtcnn-det1": ("mtcnn-det1/det1.prototxt", "mtcnn-det1/det1.caffemodel"),
    "cifar10-quick-v1": (
        "cifar10-quick-v1/cifar10_quick.prototxt",
        "cifar10-quick-v1/cifar10_quick_iter_5000.caffemodel",
    ),
}
LAYERS = sorted(path.stem for path in (GOLDENS / "layers").glob("*.prototxt"))


@pytest.mark.parametrize("name", NETS)
def test_net(name):
    text, weights = NETS[name]
    golden = np.load(GOLDENS / "nets" / f"{name}.npz")
    imported = import_caffe(prototxt(text), load(weights))
    results = run(imported.model, data=golden["data"])
    assert list(results) == [blob for blob in golden.files if blob != "data"]
    for blob, result in results.items():
        scale = np.abs(golden[blob]).max()
        np.testing.assert_allclose(result, golden[blob], rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    folder = GOLDENS / "layers"
    golden = np.load(folder / f"{name}.npz")
    weights = read_caffemodel((folder / f"{name}.caffemodel").read_bytes())
    imported = import_caffe((folder / f"{name}.prototxt").read_text(), weights)
    (result,) = run(imported.model, data=golden["x"]).values()
    assert result.shape == golden["l"].shape
    scale = np.abs(golden["l"]).max()
    np.testing.assert_allclose(result, golden["l"], rtol=0, atol=2e-6 * scale)


def test_pooling():
    """All 200 windows: the exact shape and values, or refused because Caffe's are undefined."""
    goldens = np.load(GOLDENS / "pooling.npz")
    refused = 0
    for case in json.loads((GOLDENS / "pooling.json").read_text()):
        x, y = goldens[f"x{case['id']}"], goldens[f"y{case['id']}"]
        settings = (
            f"pool: {case['mode']} kernel_h: {case['kh']} kernel_w: {case['kw']} "
            f"stride: {case['s']} pad: {case['p']} round_mode: {case['rnd']}"
        )
        text = one_layer(f'type: "Pooling" pooling_param {{ {settings} }}', x.shape)
        if last_window_is_outside(case, y.shape):
            refused += 1
            with pytest.raises(CortadoError, match="last window lies outside of the image"):
                import_caffe(text, NO_WEIGHTS)
        else:
            result = run(import_caffe(text, NO_WEIGHTS).model, data=x)["l"]
            assert result.shape == y.shape, case
            np.testing.assert_allclose(result, y, rtol=0, atol=1e-6, err_msg=str(case))
    assert refused == 35


def last_window_is_outside(case, shape):
    """Decide by the shape that Caffe itself gave."""
    outs, sizes = shape[2:], (case["H"], case["W"])
    return any((out - 1) * case["s"] - case["p"] >= n for out, n in zip(outs, sizes, strict=True))


def test_lenet_for_any_batch():
    golden = np.load(GOLDENS / "nets" / "lenet5.npz")
    model = import_caffe(*(f(p) for f, p in zip((prototxt, load), NETS["lenet5"], strict=True)))
    images = np.repeat(golden["data"], 3, axis=0)
    probabilities = run(model.model, data=images)["prob"]
    np.testing.assert_allclose(probabilities, np.repeat(golden["prob"], 3, axis=0), atol=1e-6)


def test_lenet_is_named_as_in_the_prototxt():
    text, weights = NETS["lenet5"]
    model = import_caffe(prototxt(text), load(weights)).model
    assert [layer.name for layer in find_layers(model).prunable] == ["conv1", "conv2", "fc1", "fc2"]
    names = [node.name for node in model.graph]
    assert names == [
        "conv1", "pool1", "conv2", "pool2", "fc1/flatten", "fc1", "relu1", "fc2", "prob"
    ]  # fmt: skip
    assert model.graph.node("fc1").outputs[0].name == "fc1/pre_relu1"
    assert model.graph.node("relu1").outputs[0].name == "fc1"
    assert str(model.graph.inputs[0].shape) == "[N,1,28,28]"
    assert model.opset_imports == {"": 17}
    assert model.ir_version == 8


ENCODINGS = ["unpacked.caffemodel", "double.caffemodel", "v0.caffemodel", "v1.caffemodel"]


@pytest.mark.parametrize("encoding", [*ENCODINGS, "lenet.caffemodel.h5"])
def test_encodings_hold_identical_weights(encoding):
    reference = import_caffe(prototxt("lenet5/deploy.prototxt"), load(NETS["lenet5"][1]))
    other = import_caffe(prototxt("lenet5/deploy.prototxt"), load(f"encodings/{encoding}"))
    expected = reference.model.graph.initializers
    found = other.model.graph.initializers
    assert list(found) == list(expected)
    for name, value in found.items():
        np.testing.assert_array_equal(value.const_value.numpy(), expected[name].const_value.numpy())


def test_weights_of_a_net_with_other_names_are_refused():
    """Real Caffe runs this with random ip1 and ip2."""
    text = (CAFFE / "lenet5/bvlc_deploy_ip_names.prototxt").read_text()
    with pytest.raises(CortadoError) as error:
        import_caffe(text, load(NETS["lenet5"][1]))
    assert str(error.value) == (
        "layer 'ip1' (InnerProduct, line 76): the weights do not have it; "
        "they have: conv1, conv2, fc1, fc2"
    )
