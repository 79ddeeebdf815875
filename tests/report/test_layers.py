"""Pictures of layers: the rasters are right, and each picture is one."""

import io

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from cortado.inspect.describe import describe
from cortado.model.layers.prunable import find_layers
from cortado.report import LayerView, Portrait, draw_layer, draw_overview, image_of
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


def test_nothing_is_cut_off_where_names_are_long():
    net = conv_net()
    w = layers(net)["conv1"].array
    shared = layers(with_weight(net, "conv1.weight", np.sign(w) * 0.5))["conv1"]
    note = "1,234.5 of 4,096 units active a sample"
    views = [LayerView(f"{'long-' * 14}{i}.onnx", shared, None, note) for i in range(3)]
    assert_margins(draw_layer(views))


@pytest.mark.parametrize("count", [1, 3])
def test_an_overview_has_room_for_many_layers_and_models(count):
    nodes = [
        helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"stage{i}/product")
        for i in range(40)
    ]
    weights = {f"w{i}": normal(RNG, 8, 8) for i in range(40)}
    model = decoded(build(nodes, weights, {"x0": ["N", 8]}, {"x40": ["N", 8]}))
    found = find_layers(model).prunable
    portraits = [
        Portrait(f"{'long-' * 14}{i}.onnx", describe(model), 10 ** (7 - 2 * i), found)
        for i in range(count)
    ]
    assert_margins(draw_overview(portraits))


def test_a_model_whose_name_begins_with_an_underscore_is_in_the_legend():
    model = conv_net()
    pictures = [
        (
            draw_layer([LayerView(f"{begin}m.onnx", layers(model)["fc"], None)]),
            draw_overview(
                [Portrait(f"{begin}m.onnx", describe(model), 9, find_layers(model).prunable)]
            ),
        )
        for begin in "_-"
    ]
    for hidden, shown in zip(*pictures, strict=True):
        sizes = [np.array(Image.open(io.BytesIO(data))).shape for data in (hidden, shown)]
        assert sizes[0] == sizes[1]


def assert_margins(picture):
    """Check that nothing reaches the edges of a picture, where it would be cut off."""
    pixels = np.array(Image.open(io.BytesIO(picture)).convert("L"))
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    assert [int(edge.min()) for edge in edges] == [255] * 4
