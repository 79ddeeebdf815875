"""The figures of a model against scipy and counting by hand."""

import numpy as np
import pytest
from scipy import stats

from cortado.inspect.describe import describe, entropy
from cortado.model.layers.selector import Assignment
from cortado.prune import prune
from cortado.quantize import quantize
from nets import conv_net, if_net, matmul, weight


def reference(values):
    counts = np.unique(values, return_counts=True)[1]
    return stats.entropy(counts, base=2)


@pytest.mark.parametrize(
    ("values", "bits"),
    [
        ([], 0),
        ([1, 1, 1], 0),
        ([0, 1], 1),
        ([0, 0, 0, 1], 2 - 0.75 * np.log2(3)),
        ([1, 2, 3, 4, 5, 6, 7, 8], 3),
    ],
)
def test_entropy_of_known_distributions(values, bits):
    assert entropy(np.array(values, np.float32)) == pytest.approx(bits, abs=1e-12)


def test_a_negative_zero_is_a_zero():
    assert entropy(np.array([0.0, -0.0], np.float32)) == 0


def test_each_layer_is_counted():
    model = quantize(prune(conv_net(), [Assignment("fc", 0.75)]).model, [Assignment("fc", 3)]).model
    conv, fc = describe(model).layers
    assert (conv.name, conv.op_type, conv.shape) == ("conv1", "Conv", (4, 1, 3, 3))
    assert (conv.weights, conv.nonzero, conv.distinct, conv.density) == (36, 36, 36, 1)
    assert (fc.name, fc.op_type, fc.shape) == ("fc", "Gemm", (3, 64))
    assert (fc.weights, fc.nonzero, fc.distinct, fc.density) == (192, 48, 8, 0.25)
    for layer, name in ((conv, "conv1.weight"), (fc, "fc.weight")):
        assert layer.entropy == pytest.approx(reference(weight(model, name)), rel=1e-12)
    assert (conv.dense_bytes, fc.dense_bytes) == (144, 768)
    assert fc.bound_bytes == pytest.approx(192 * fc.entropy / 8 + 4 * 8)
    assert conv.bound_bytes == 144  # a table of 36 values for 36 weights saves nothing


def test_the_total_is_that_of_all_layers():
    pruned = prune(conv_net(), [Assignment("fc", 0.75)]).model
    description = describe(quantize(pruned, [Assignment("*", 2)]).model)
    conv, fc = description.layers
    total = description.total
    assert (total.weights, total.nonzero, total.distinct) == (228, 84, 8)
    assert total.entropy == pytest.approx((36 * conv.entropy + 192 * fc.entropy) / 228)
    assert total.bound_bytes == pytest.approx(conv.bound_bytes + fc.bound_bytes)
    assert description.other_bytes == 4 * (4 + 3)
    assert description.skipped == ()


def test_a_layer_without_weights_costs_nothing():
    description = describe(matmul(np.zeros((3, 4), np.float32)))
    assert (description.total.density, description.total.bound_bytes) == (0, 0)


def test_layers_of_branches_are_described_too():
    assert len(describe(if_net()).layers) == 2
