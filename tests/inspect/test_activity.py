"""Active units, counted by hand."""

import numpy as np
import pytest
from onnx import helper

from cortado.data import IMAGE, labelled_images
from cortado.inspect.activity import LayerActivity, measure_activity
from cortado.progress import finish
from nets import build, conv_net, decoded, mlp, normal, weight, with_weight


def samples(count, *shape):
    pixels = normal(np.random.default_rng(0), count, *shape)
    return labelled_images(pixels)


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
    hidden = np.maximum(images.inputs[IMAGE] @ weight(model, "fc1.weight").T + bias, 0)
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
    assert found == expected("w", images.inputs[IMAGE] + weights["b"] > 0)


def test_a_fixed_batch_counts_no_image_twice():
    images = samples(6, 6)
    assert finish(measure_activity(mlp(fixed_batch=4), images)) == finish(
        measure_activity(mlp(), images)
    )


def rows_net(states):
    """Return a net that reads an image row by row; the classifier sees the last state or all."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Squeeze", ["x", "channel"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            "LSTM", ["steps", "w", "r"], ["all" if states else "", "last"], "lstm", hidden_size=5
        ),
        helper.make_node("Squeeze", ["all" if states else "last", "axes"], ["h"]),
        helper.make_node("MatMul", ["h", "v"], ["scores"], "fc"),
    ]
    if states:
        nodes.append(helper.make_node("ReduceMean", ["scores"], ["y"], axes=[0], keepdims=0))
    else:
        nodes[-1].output[0] = "y"
    weights = {
        "w": normal(rng, 1, 20, 4),
        "r": normal(rng, 1, 20, 5),
        "v": normal(rng, 5, 3),
        "channel": np.int64([1]),
        "axes": np.int64([1 if states else 0]),
    }
    return decoded(build(nodes, weights, {"x": ["N", 1, 6, 4]}, {"y": ["N", 3]}))


@pytest.mark.parametrize("states", [False, True])
def test_only_layers_that_answer_image_by_image_are_counted(states):
    """What an LSTM gives comes step by step, and so does what follows it where all steps do."""
    found = finish(measure_activity(rows_net(states), samples(20, 1, 6, 4)))
    assert [layer.name for layer in found] == ([] if states else ["fc"])


def test_layers_that_give_much_are_fed_few_images_at_once():
    """So that what 50 layers give of images of 224×224 takes no gigabytes."""
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", pads=[1, 1, 1, 1])
    shapes = ({"x": ["N", 1, 128, 128]}, {"y": ["N", 64, 128, 128]})
    model = decoded(build([node], {"w": normal(np.random.default_rng(0), 64, 1, 3, 3)}, *shapes))
    (found,) = finish(measure_activity(model, images := Counted(70, 1, 128, 128)))
    assert found.units == 64
    assert 1 < max(images.taken) <= 2**27 / (4 * 64 * 128 * 128)


class Counted:
    """Images that note how many are taken at once."""

    def __init__(self, count, *shape):
        self._samples, self.labels, self.taken = samples(count, *shape), None, []
        self.alike = None

    def __len__(self):
        return len(self._samples)

    def take(self, indices):
        self.taken.append(len(indices))
        return self._samples.take(indices)
