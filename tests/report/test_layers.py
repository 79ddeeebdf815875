"""Pictures of layers: the rasters are right, and each picture is one."""

import io

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from cortado.model.layers import find_layers
from cortado.report import LayerView, draw_layer, image_of
from cortado.report.heatmap import make_heatmap
from nets import build, conv_net, decoded, matmul, mlp, normal, with_weight

RNG = np.random.default_rng(0)


def layers(model):
    return {layer.name: layer for layer in find_layers(model).prunable}


def first_on_images(transposed=1):
    w = normal(RNG, *((5, 24) if transposed else (24, 5)))
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("Gemm", ["f", "w"], ["y"], "fc", transB=transposed),
    ]
    return decoded(build(nodes, {"w": w}, {"x": ["N", 1, 4, 6]}, {"y": ["N", 5]})), w


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_first_layer_has_the_raster_of_the_image(transposed):
    model, w = first_on_images(transposed)
    layer = layers(model)["fc"]
    assert image_of(layer) == (1, 4, 6)
    heat = make_heatmap(layer, image_of(layer))
    sums = np.abs(w).sum(axis=0 if transposed else 1, dtype=np.float64)
    np.testing.assert_allclose(heat.cells, sums.reshape(4, 6))


def test_a_layer_behind_another_has_no_image():
    model = mlp()
    assert image_of(layers(model)["fc2"]) is None
    assert image_of(layers(conv_net())["fc"]) is None


def test_kernels_are_side_by_side():
    layer = layers(conv_net())["conv1"]
    heat = make_heatmap(layer, None)
    assert heat.cells.shape == (7, 7)  # 2 × 2 kernels of 3 × 3, with a line between them
    assert np.isnan(heat.cells[3]).all()
    np.testing.assert_allclose(heat.cells[4:, :3], np.abs(layer.array[2, 0]))


def test_means_of_blocks_keep_the_mean():
    w = normal(RNG, 900, 600)
    heat = make_heatmap(layers(matmul(w))["product"], None)
    assert heat.cells.shape == (300, 300)
    assert heat.size == (600, 900)  # outputs down, inputs across
    np.testing.assert_allclose(heat.cells.mean(), np.abs(w).mean(), rtol=1e-6)
    np.testing.assert_allclose(heat.cells[1, 2], np.abs(w[6:9, 2:4]).mean(), rtol=1e-6)


def test_large_convolutions_show_the_mean_of_each_kernel():
    w = normal(RNG, 128, 96, 3, 3)
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    model = decoded(build([node], {"w": w}, {"x": ["N", 96, 5, 5]}, {"y": ["N", 128, 3, 3]}))
    heat = make_heatmap(layers(model)["conv"], None)
    np.testing.assert_allclose(heat.cells, np.abs(w).mean(axis=(2, 3)), rtol=1e-5)


@pytest.mark.parametrize("values", ["free", "shared", "zero"])
def test_a_picture_is_a_png(values):
    before, after = conv_net(), conv_net()
    w = layers(before)["fc"].array
    changed = {"free": w / 2, "shared": np.sign(w) * 0.5, "zero": 0 * w}[values]
    after = with_weight(after, "fc.weight", changed)
    views = [LayerView(str(i), layers(net)["fc"], None) for i, net in enumerate((before, after))]
    image = Image.open(io.BytesIO(draw_layer(views)))
    assert (image.format, image.size) == ("PNG", (1760, 1184))
    assert len(image.convert("L").getcolors()) > 50
