"""Statistics measured again are those of PyTorch's training mode on one batch of all images."""

import io
import warnings

import numpy as np
import pytest
import torch
from onnx import helper
from torch import nn
from torch.nn import functional as F

from cortado.batchnorm import find_norms, reestimate
from cortado.caffe import Fillers, import_caffe
from cortado.data import IMAGE, labelled_images
from cortado.errors import CortadoError
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.runtime import Runtime
from nets import build, conv_net, decoded, normal, weight, with_weight

RNG = np.random.default_rng(0)


class Residual(nn.Module):
    """Two normalized blocks, the second beside a shortcut that is normalized too."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6, momentum=None)
        self.conv2, self.bn2 = nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8, momentum=None)
        self.short, self.bn3 = nn.Conv2d(6, 8, 3), nn.BatchNorm2d(8, momentum=None)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)) + self.bn3(self.short(x)))
        return self.head(x.mean((2, 3)))


def residual():
    """Return the net with random statistics, as a torch module and as PyTorch exports it."""
    torch.manual_seed(0)
    module = Residual().eval()
    for norm in (module.bn1, module.bn2, module.bn3):
        nn.init.normal_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            torch.zeros(2, 1, 8, 8),
            file,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
        )
    return module, serial.decode(file.getvalue(), "the net")


def images(count=230, shape=(1, 8, 8)):
    return labelled_images(normal(RNG, count, *shape) * 3 + 1)


def test_statistics_are_those_of_torch_on_one_batch_of_all_images():
    module, model = residual()
    samples = images()
    found = finish(reestimate(model, samples, Runtime()))
    assert (found.count, found.skipped) == (3, ())
    module.train()
    for norm in (module.bn1, module.bn2, module.bn3):
        norm.reset_running_stats()
    module(torch.from_numpy(samples.inputs[IMAGE]))
    for name, size in (("bn1", 36), ("bn2", 16), ("bn3", 16)):
        norm, n = getattr(module, name), len(samples) * size
        expected = {"mean": norm.running_mean, "var": norm.running_var * (n - 1) / n}
        for part, values in expected.items():
            array = weight(found.model, f"{name}.running_{part}")
            np.testing.assert_allclose(array, values.numpy(), rtol=2e-5, atol=2e-6)


def test_nothing_but_statistics_changes():
    _, model = residual()
    before = serial.encode(model)
    found = finish(reestimate(model, images(), Runtime())).model
    assert serial.encode(model) == before
    changed = {
        name
        for name in model.graph.initializers
        if not np.array_equal(weight(model, name), weight(found, name))
    }
    parts = ("running_mean", "running_var")
    assert changed == {f"bn{i}.{part}" for i in (1, 2, 3) for part in parts}
    assert [*model.graph.initializers] == [*found.graph.initializers]


def test_names_are_those_of_the_modules():
    _, model = residual()
    assert [norm.name for norm in find_norms(model).found] == ["bn1", "bn2", "bn3"]


def test_a_channel_that_never_varies_keeps_its_variance():
    _, model = residual()
    w = weight(model, "conv1.weight").copy()
    w[2] = 0
    found = finish(reestimate(with_weight(model, "conv1.weight", w), images(), Runtime())).model
    old, new = (weight(net, "bn1.running_var") for net in (model, found))
    assert new[2] == old[2]
    assert (new[:2] != old[:2]).all()
    assert weight(found, "bn1.running_mean")[2] == 0


def test_a_model_without_normalizations_stays():
    model = conv_net()
    found = finish(reestimate(model, images(shape=(1, 6, 6)), Runtime()))
    assert (found.model, found.count) == (model, 0)


def norm_net(*nodes, opset=17):
    vectors = {name: np.ones(4, np.float32) for name in ("scale", "bias", "mean", "variance")}
    return decoded(build(list(nodes), vectors, {"x": ["N", 4]}, opset=opset))


def norm(x, y, extra=(), **attributes):
    inputs = [x, "scale", "bias", "mean", "variance"]
    return helper.make_node("BatchNormalization", inputs, [y, *extra], name=f"at_{y}", **attributes)


def test_statistics_that_two_nodes_share_stay_and_are_told():
    net = norm_net(norm("x", "h"), norm("h", "y"))
    found = finish(reestimate(net, images(shape=(4,)), Runtime()))
    assert found.count == 0
    assert [x.reason for x in found.skipped] == [
        "its statistics mean are shared with another node",
    ] * 2


def test_a_normalization_in_training_mode_stays_and_is_told():
    net = norm_net(norm("x", "y", ("m", "v"), training_mode=1))
    (skipped,) = find_norms(net).skipped
    assert "normalizes each batch by itself" in skipped.reason


def test_what_is_not_finite_is_refused():
    net = norm_net(norm("x", "y"))
    samples = labelled_images(np.full((3, 4), np.inf, np.float32))
    with pytest.raises(CortadoError, match="what enters the normalization at_y is NaN"):
        finish(reestimate(net, samples, Runtime()))


def test_vectors_are_normalized_too():
    samples = images(shape=(4,))
    found = finish(reestimate(norm_net(norm("x", "y")), samples, Runtime())).model
    y = Runtime().open(serial.encode(found)).run({"x": samples.inputs[IMAGE]})["y"]
    np.testing.assert_allclose(y.mean(axis=0), 1, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-4)


CAFFE = """
layer { name: "data" type: "Input" top: "data"
        input_param { shape { dim: 1 dim: 2 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
"""


def test_caffes_batchnorm_before_a_scale():
    model = import_caffe(CAFFE, Fillers(seed=0)).model
    samples = images(shape=(2, 6, 6))
    found = finish(reestimate(model, samples, Runtime()))
    assert found.count == 1
    (y,) = Runtime().open(serial.encode(found.model)).run({"data": samples.inputs[IMAGE]}).values()
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(axis=(0, 2, 3)), 1, rtol=1e-3)
