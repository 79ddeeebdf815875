"""Nets with several inputs and outputs, integers, states and open shapes come nearer too."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cortado.data import ArraySamples
from cortado.errors import CortadoError
from cortado.inspect.activity import measure_activity
from cortado.invariants import check_kept
from cortado.model.layers.selector import Assignment
from cortado.progress import finish
from cortado.prune import prune
from cortado.repair import RepairOptions, repair
from nets import decoded, normal

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def graph(nodes, weights, inputs, outputs, opset=17):
    """Return a model whose inputs and outputs are name → (type, shape)."""
    values = [
        [helper.make_tensor_value_info(name, *about) for name, about in each.items()]
        for each in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    proto = helper.make_model(
        helper.make_graph(nodes, "net", *values, tensors),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=10,
    )
    return decoded(proto)


def token_net():
    """Return ids, a mask, a scalar and a state → features of each token, and classes."""
    rng = np.random.default_rng(0)
    weights = {
        "table": normal(rng, 50, 12),
        "w1": normal(rng, 12, 24),
        "b1": normal(rng, 24),
        "w2": normal(rng, 24, 12),
        "b2": normal(rng, 12),
        "w3": normal(rng, 12, 5),
        "last": np.int64([2]),
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["embedded"]),
        helper.make_node("Cast", ["mask"], ["weight"], to=FLOAT),
        helper.make_node("Unsqueeze", ["weight", "last"], ["wide"]),
        helper.make_node("Mul", ["embedded", "wide"], ["masked"]),
        helper.make_node("Mul", ["masked", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "state"], ["started"]),
        helper.make_node("MatMul", ["started", "w1"], ["p1"]),
        helper.make_node("Add", ["p1", "b1"], ["a1"]),
        helper.make_node("Tanh", ["a1"], ["t1"]),
        helper.make_node("MatMul", ["t1", "w2"], ["p2"]),
        helper.make_node("Add", ["b2", "p2"], ["features"]),
        helper.make_node("ReduceMean", ["features"], ["pooled"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["pooled", "w3"], ["classes"]),
        helper.make_node("ArgMax", ["classes"], ["best"], axis=1),
    ]
    inputs = {
        "ids": (INT64, ["N", "T"]),
        "mask": (INT64, ["N", "T"]),
        "gain": (FLOAT, []),
        "state": (FLOAT, ["N", 1, 12]),
    }
    outputs = {
        "features": (FLOAT, ["N", "T", 12]),
        "classes": (FLOAT, ["N", 5]),
        "best": (INT64, ["N", 1]),
    }
    return graph(nodes, weights, inputs, outputs)


def tokens(count, seed=0, length=9, **changes):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, 50, (count, length))
    mask = (np.arange(length) < rng.integers(3, length + 1, (count, 1))).astype(np.int64)
    return ArraySamples({"ids": ids, "mask": mask, "gain": np.float32(0.7), **changes})


class Lengths:
    """Samples of two lengths, of which only those alike are taken together."""

    def __init__(self, *parts):
        self._parts, self.labels = parts, None
        sizes = [len(part) for part in parts]
        self.alike = np.repeat(np.arange(len(parts)), sizes)
        self._place = np.concatenate([np.arange(size) for size in sizes])

    def __len__(self):
        return len(self.alike)

    def take(self, indices):
        (kind,) = set(self.alike[indices])
        return self._parts[kind].take(self._place[indices])


def halved(model):
    return prune(model, [Assignment("*", 0.5)]).model


def repaired(reference, samples, held, **options):
    model = halved(reference)
    found = finish(repair(model, reference, samples, held, RepairOptions(**options)))
    check_kept(model, found.model)
    return found


def test_integer_inputs_scalars_states_and_several_outputs():
    found = repaired(token_net(), tokens(80), tokens(40, seed=1))
    assert [(step.name, step.kept) for step in found.steps] == [
        ("w1", True),
        ("w2", True),
        ("w3", True),
    ]
    assert found.after < 0.7 * found.before


@pytest.mark.parametrize("memory", [0, 2**30])
def test_samples_of_several_shapes(memory):
    fitted = Lengths(tokens(60, 1, 9), tokens(60, 2, 6))
    held = Lengths(tokens(20, 3, 9), tokens(20, 4, 7))
    found = repaired(token_net(), fitted, held, memory=memory)
    assert found.after < 0.7 * found.before
    units = finish(measure_activity(token_net(), held))
    assert [layer.units for layer in units] == [24, 12, 5]


def test_a_missing_input_is_named():
    bare = ArraySamples({"ids": np.zeros((4, 9), np.int64)})
    with pytest.raises(CortadoError, match="the samples lack the input mask of the model"):
        repaired(token_net(), bare, bare)


def test_an_input_of_a_wrong_type_is_named():
    wrong = tokens(4, mask=np.ones((4, 9), np.float32))
    with pytest.raises(CortadoError, match="the input mask wants int64, and the samples are float"):
        repaired(token_net(), wrong, wrong)


def test_values_that_are_not_finite_name_the_layer():
    wrong = tokens(4, state=np.full((4, 1, 12), np.nan, np.float32))
    with pytest.raises(CortadoError, match="values around w1 are NaN or infinite"):
        repaired(token_net(), wrong, wrong)


def test_a_reference_with_other_inputs_is_refused():
    other = token_net()
    other.graph.inputs[0].name = "tokens"
    with pytest.raises(CortadoError, match="inputs of the reference"):
        finish(repair(token_net(), other, tokens(8), tokens(4), RepairOptions()))


def frames_net():
    """Return a net that takes one signal of any length at a time: Conv → ConvTranspose."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": normal(rng, 8, 1, 5),
        "b1": normal(rng, 8),
        "w2": normal(rng, 8, 4, 3),
        "w3": normal(rng, 4, 1, 3),
        "w4": normal(rng, 4, 2, 4),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], strides=[2]),
        helper.make_node("Tanh", ["c1"], ["t1"]),
        helper.make_node("ConvTranspose", ["t1", "w2"], ["c2"]),
        helper.make_node("Conv", ["c2", "w3"], ["c3"], group=4),
        helper.make_node("ConvTranspose", ["c3", "w4"], ["y"], strides=[2], pads=[1, 1]),
    ]
    return graph(nodes, weights, {"x": (FLOAT, [1, 1, "T"])}, {"y": (FLOAT, [1, 2, "L"])})


def signals(count, length, seed=0):
    waves = normal(np.random.default_rng(seed), count, 1, length).cumsum(axis=2)
    return ArraySamples({"x": np.sin(waves)})


def test_a_fixed_batch_of_one_and_signals_of_several_lengths():
    fitted = Lengths(signals(20, 64), signals(10, 48, seed=1))
    held = Lengths(signals(5, 64, seed=2), signals(6, 40, seed=3))
    found = repaired(frames_net(), fitted, held)
    assert [step.op_type for step in found.steps] == ["Conv", "ConvTranspose"] * 2
    assert found.after < 0.7 * found.before


def counting_net():
    """Return a net that keeps the rows above zero: how many they are depends on its weights."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": normal(rng, 10, 8),
        "column": np.int64([0]),
        "end": np.int64([1]),
        "axis": np.int64([1]),
        "zero": np.float32(0),
        "w2": normal(rng, 8, 3),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"]),
        helper.make_node("Slice", ["h", "column", "end", "axis"], ["first"]),
        helper.make_node("Squeeze", ["first", "axis"], ["score"]),
        helper.make_node("Greater", ["score", "zero"], ["is_kept"]),
        helper.make_node("Compress", ["h", "is_kept"], ["kept"], axis=0),
        helper.make_node("MatMul", ["kept", "w2"], ["y"]),
    ]
    return graph(nodes, weights, {"x": (FLOAT, ["N", 10])}, {"y": (FLOAT, ["K", 3])})


def test_what_stands_behind_a_choice_of_rows_stays():
    """Here the only output cannot be compared, so that the last layer in front of it decides."""
    mixing = normal(np.random.default_rng(5), 10, 10)
    parts = [normal(np.random.default_rng(seed), 200, 10) @ mixing for seed in (0, 1)]
    found = repaired(counting_net(), *(ArraySamples({"x": part}) for part in parts))
    assert [step.name for step in found.steps] == ["w1"]
    assert [(x.name, x.reason) for x in found.skipped] == [
        ("w2", "its values have another shape in the reference")
    ]
    assert found.after < found.before
