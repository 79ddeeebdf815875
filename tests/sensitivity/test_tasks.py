"""Sweeps of other tasks than classifying images: each point as a model of its own, judged in full.

Nets of several inputs, integers, states, weights in bodies, shapes that vary, and metrics of every
kind.
"""

import sys

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from cortado.data import ArraySamples
from cortado.errors import UsageError
from cortado.model.layers.prunable import find_layers, replace_weights
from cortado.progress import finish
from cortado.scoring.judge import Judge
from cortado.sensitivity import SweepOptions, sweep
from cortado.sensitivity.runner import expected_outputs
from cortado.stats.paired import paired_drop
from cortado.treatments import treatment_named
from nets import build, decoded, mlp, normal
from scored import random_images, swept_on

OPTIONS = SweepOptions({"prune": (0.3, 0.6, 0.8), "bits": (2, 3)}, workers=2)
COUNT = 60


def value(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, shape)


def tokens_and_weights():
    """Return a net of integer tokens and a float weight of each: scores of each token, and a sum.

    Both have their samples on the first axis; the products are layers.
    """
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["embedded"], "embedding"),
        helper.make_node("Mul", ["embedded", "strength"], ["weighted"], "weigh"),
        helper.make_node("MatMul", ["weighted", "w"], ["hidden"], "hidden"),
        helper.make_node("Relu", ["hidden"], ["active"], "relu"),
        helper.make_node("MatMul", ["active", "v"], ["scores"], "scores"),
        helper.make_node("ReduceSum", ["active", "one"], ["pooled"], "sum", keepdims=0),
        helper.make_node("MatMul", ["pooled", "u"], ["total"], "total"),
    ]
    weights = {
        "table": normal(rng, 20, 12),
        "w": normal(rng, 12, 16),
        "v": normal(rng, 16, 5),
        "u": normal(rng, 16, 3),
        "one": np.array([1]),
    }
    model = build(nodes, weights, {}, {"scores": ["n", "t", 5], "total": ["n", 3]})
    del model.graph.input[:]
    model.graph.input.extend(
        [
            value("tokens", TensorProto.INT64, "n", "t"),
            value("strength", TensorProto.FLOAT, "n", "t", 1),
        ]
    )
    return decoded(model)


class Sentences:
    """Sentences of different lengths, for `tokens_and_weights`."""

    labels = None

    def __init__(self, lengths):
        rng = np.random.default_rng(1)
        self.alike = np.array(lengths)
        self.tokens = [rng.integers(0, 20, length) for length in lengths]
        self.strength = [normal(rng, length, 1) for length in lengths]

    def __len__(self):
        return len(self.tokens)

    def take(self, indices):
        from cortado.data import Batch

        arrays = {"tokens": self.tokens, "strength": self.strength}
        return Batch({k: np.stack([each[i] for i in indices]) for k, each in arrays.items()})


def sentences(lengths=(7,)):
    return Sentences([lengths[i % len(lengths)] for i in range(COUNT)])


def chosen_by_sign():
    """Return x · a → If of the sign of its sum, with a product in each branch, → · b.

    The sum is over all of a batch, so that samples run one by one.
    """
    rng = np.random.default_rng(0)
    branches = [
        helper.make_graph(
            [
                helper.make_node("MatMul", ["h", f"w_{name}"], [f"p_{name}"], f"product_{name}"),
                helper.make_node("Tanh", [f"p_{name}"], [f"o_{name}"], f"tanh_{name}"),
            ],
            name,
            [],
            [value(f"o_{name}", TensorProto.FLOAT, 1, 6)],
            [ir_tensor(f"w_{name}", normal(rng, 8, 6))],
        )
        for name in ("then", "else")
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], "before"),
        helper.make_node("ReduceSum", ["h"], ["sum"], "sum", keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["yes"], "sign"),
        helper.make_node(
            "If", ["yes"], ["c"], "choose", then_branch=branches[0], else_branch=branches[1]
        ),
        helper.make_node("MatMul", ["c", "b"], ["y"], "after"),
    ]
    weights = {"a": normal(rng, 5, 8), "b": normal(rng, 6, 4), "zero": np.float32(0)}
    return decoded(build(nodes, weights, {"x": [1, 5]}, {"y": [1, 4]}))


def ir_tensor(name, array):
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel())


def recurrent(op_type, gates):
    """Return an LSTM or GRU with a state that it takes and gives, and a product behind it."""
    rng = np.random.default_rng(0)
    states = ["h0", "c0"][: 1 + (op_type == "LSTM")]
    nodes = [
        helper.make_node("Transpose", ["x"], ["xt"], "time_first", perm=[1, 0, 2]),
        helper.make_node(
            op_type,
            ["xt", "w", "r", "b", "", *states],
            ["all", *(f"{name}n" for name in states)],
            "cell",
            hidden_size=6,
        ),
        helper.make_node("Squeeze", ["h0n", "zero"], ["last"], "last"),
        helper.make_node("MatMul", ["last", "v"], ["y"], "after"),
    ]
    weights = {
        "w": normal(rng, 1, 6 * gates, 4),
        "r": normal(rng, 1, 6 * gates, 6),
        "b": normal(rng, 1, 12 * gates),
        "v": normal(rng, 6, 3),
        "zero": np.array([0]),
    }
    inputs = {"x": ["n", 5, 4], **{name: [1, "n", 6] for name in states}}
    return decoded(build(nodes, weights, inputs, {"y": ["n", 3]}))


def numbers(*shape, count=COUNT, **targets):
    rng = np.random.default_rng(2)
    return ArraySamples({"x": normal(rng, count, *shape)}, targets or None)


NETS = {
    "tokens and strengths": (tokens_and_weights, sentences),
    "lengths that vary": (tokens_and_weights, lambda: sentences((3, 7, 4))),
    "bodies of an If": (chosen_by_sign, lambda: numbers(5)),
    "an LSTM": (lambda: recurrent("LSTM", 4), lambda: numbers(5, 4)),
    "a GRU": (lambda: recurrent("GRU", 3), lambda: numbers(5, 4)),
}


def assert_brute_force(model, swept, rows):
    """Compare rows with what changed models score on all samples."""
    judge, metric = Judge(swept.task, swept.samples), swept.task.metric
    layers = {layer.name: layer for layer in find_layers(model).prunable}
    assert judge.dense.value == pytest.approx(rows[0].value, rel=1e-5, abs=1e-7)
    points = [row for row in rows if row.treatment in ("prune", "bits") and row.value is not None]
    assert {row.layer for row in points} == set(layers)
    for row in points:
        layer = layers[row.layer]
        treatment = treatment_named(row.treatment)
        array = treatment.changed(layer, layer.array, row.level, OPTIONS.selection)
        found = judge.score(replace_weights(model, {layer.key: array}))
        drop = paired_drop(metric, judge.dense.parts, found.parts)
        assert row.value == pytest.approx(found.value, rel=1e-4, abs=1e-6), row
        assert row.loss == pytest.approx(found.loss, rel=1e-4, abs=1e-6), row
        assert row.drop == pytest.approx(drop.mean, rel=1e-4, abs=1e-6), row
        assert row.drop_high == pytest.approx(drop.high, rel=1e-3, abs=1e-6), row
        assert (row.samples, row.output) == (len(swept.samples), swept.output)


@pytest.mark.parametrize("net", NETS)
def test_every_point_of_any_net_equals_brute_force(net):
    make, samples = NETS[net]
    model = make()
    swept = swept_on(model, samples())
    rows = finish(sweep(model, swept, OPTIONS)).rows
    assert rows[0].metric == swept.task.metric.name
    assert_brute_force(model, swept, rows)
    assert any(row.drop for row in rows if row.value is not None)


@pytest.mark.parametrize("metric", ["cosine", "mse", "kl", "agreement", "relative-error"])
def test_every_point_equals_brute_force_by_any_metric_without_labels(metric):
    model = mlp()
    swept = swept_on(model, random_images(6, count=130, labelled=False), metric=metric)
    rows = finish(sweep(model, swept, OPTIONS)).rows
    assert_brute_force(model, swept, rows)
    assert {(row.metric, row.against) for row in rows} == {(metric, "reference")}
    better = "higher" if metric in ("cosine", "agreement") else "lower"
    assert {row.better for row in rows} == {better}
    worse = [row.drop > 0 for row in rows if row.treatment == "prune" and row.level == 0.8]
    assert all(worse)


def test_targets_that_are_numbers_are_compared_with():
    model, targets = mlp(), normal(np.random.default_rng(5), COUNT, 3)
    swept = swept_on(model, numbers(6, target=targets))
    rows = finish(sweep(model, swept, OPTIONS)).rows
    assert (rows[0].metric, rows[0].better, rows[0].against) == ("mse", "lower", "targets")
    assert_brute_force(model, swept, rows)


def test_a_function_of_the_users_own_decides(tmp_path, monkeypatch):
    (tmp_path / "my_metric_of_a_sweep.py").write_text(
        "import numpy as np\n"
        "def far(outputs, targets): return np.abs(outputs['y'] - targets['y']).max(axis=1)\n"
        "far.higher_is_better = False\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    model = mlp()
    samples = random_images(6, count=COUNT, labelled=False)
    swept = swept_on(model, samples, metric="my_metric_of_a_sweep:far")
    rows = finish(sweep(model, swept, OPTIONS)).rows
    assert (rows[0].metric, rows[0].better, rows[0].value) == ("far", "lower", 0.0)
    assert_brute_force(model, swept, rows)


@pytest.mark.parametrize("net", NETS)
def test_outputs_of_the_dense_model_that_are_computed_again_change_no_figure(net, monkeypatch):
    make, samples = NETS[net]
    model = make()
    swept = swept_on(model, samples())
    usual = finish(sweep(model, swept, OPTIONS)).rows
    monkeypatch.setattr(expected_outputs, "_KEPT_BYTES", 0)
    again = finish(sweep(model, swept, OPTIONS)).rows
    for row, other in zip(usual, again, strict=True):
        assert row.key == other.key
        assert row.value == (other.value and pytest.approx(other.value, rel=1e-5, abs=1e-7))


def test_a_metric_that_needs_labels_is_refused_without_them():
    with pytest.raises(UsageError, match="accuracy"):
        swept_on(mlp(), random_images(6, labelled=False), metric="accuracy")


def test_weights_are_stacked_wherever_samples_are_on_the_first_axis():
    """Open axes without a name are batches as well as those with one."""
    from concurrent.futures import ThreadPoolExecutor

    from cortado.sensitivity.runner.measure import Measure
    from scored import cut

    model = mlp()
    for shape in (["batch", 6], [None, 6]):
        model.graph.inputs[0].shape = ir.Shape(shape)
        network, swept = cut(model), swept_on(model, random_images(6))
        with ThreadPoolExecutor(1) as pool:
            sizes = Measure(network, network.cuts, swept, OPTIONS, pool).stacks
        assert [each["prune"] for each in sizes.values()] == [5, 5]
    network, swept = cut(mlp(fixed_batch=7)), swept_on(mlp(fixed_batch=7), random_images(6))
    with ThreadPoolExecutor(1) as pool:
        sizes = Measure(network, network.cuts, swept, OPTIONS, pool).stacks
    assert [each["prune"] for each in sizes.values()] == [1, 1]
