"""Active units, counted by hand."""

import numpy as np
from onnx import helper

from cortado.activity import LayerActivity, measure_activity
from cortado.data import ArraySamples
from cortado.steps import finish
from nets import build, conv_net, decoded, mlp, normal, weight, with_weight


def samples(count, *shape):
    pixels = normal(np.random.default_rng(0), count, *shape)
    return ArraySamples(pixels, np.zeros(count, np.int64))


def expected(name, active):
    counts = active.sum(axis=1)
    never = int((~active.any(axis=0)).sum())
    mean = float(counts.mean())
    return LayerActivity(name, active.shape[1], mean, int(counts.min()), int(counts.max()), never)


def test_units_of_products():
    model = mlp()
    bias = weight(model, "fc1.bias").copy()
    bias[2] = -100
    model = with_weight(model, "fc1.bias", bias)
    images = samples(130, 6)
    hidden = np.maximum(images.pixels @ weight(model, "fc1.weight").T + bias, 0)
    scores = hidden @ weight(model, "fc2.weight").T + weight(model, "fc2.bias")
    found = finish(measure_activity(model, images))
    assert found == (expected("fc1", hidden > 0), expected("fc2", scores > 0))
    assert found[0].never == 1


def test_a_channel_is_active_if_any_of_its_positions_is():
    model = with_weight(conv_net(), "conv1.bias", [-1000, 1000, 0, 0])
    conv, _ = finish(measure_activity(model, samples(20, 1, 6, 6)))
    assert (conv.units, conv.most <= 3, conv.least >= 1, conv.never >= 1) == (4, True, True, True)


def test_an_activation_behind_a_bias_is_found():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["s"]),
        helper.make_node("Relu", ["s"], ["y"]),
    ]
    weights = {"w": np.eye(4, dtype=np.float32), "b": np.float32([9, -9, 0, 0])}
    model = decoded(build(nodes, weights))
    images = samples(20, 4)
    (found,) = finish(measure_activity(model, images))
    assert found == expected("w", images.pixels + weights["b"] > 0)


def test_a_fixed_batch_counts_no_image_twice():
    images = samples(6, 6)
    assert finish(measure_activity(mlp(fixed_batch=4), images)) == finish(
        measure_activity(mlp(), images)
    )
