"""A sweep beside brute force: each point as a model of its own, evaluated in full."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from cortado.data import ArraySamples
from cortado.errors import CortadoError
from cortado.model.layers.selector import Assignment
from cortado.progress import finish
from cortado.prune import PruneOptions, prune
from cortado.quantize import QuantizeOptions, quantize
from cortado.scoring.evaluate import evaluate
from cortado.sensitivity import SweepOptions, sweep
from cortado.sensitivity.runner import memory
from nets import build, conv_net, decoded, mlp, normal, two_heads
from scored import random_images, swept_on
from sensitivity.residual import Residual


def shared_net():
    """Return x · w → Relu → · w → + skip → · v: one weight, two nodes, with a value past both."""
    rng = np.random.default_rng(3)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("MatMul", ["b", "w"], ["c"], "second"),
        helper.make_node("Add", ["c", "x"], ["d"], "skip"),
        helper.make_node("MatMul", ["d", "v"], ["y"], "last"),
    ]
    weights = {"w": normal(rng, 6, 6), "v": normal(rng, 6, 3)}
    return decoded(build(nodes, weights, {"x": ["N", 6]}, {"y": ["N", 3]}))


def grouped_net():
    rng = np.random.default_rng(4)
    nodes = [
        helper.make_node("Conv", ["x", "a"], ["c"], "a", group=2),
        helper.make_node("LeakyRelu", ["c"], ["r"], "relu"),
        helper.make_node("ConvTranspose", ["r", "b"], ["t"], "b"),
        helper.make_node("Flatten", ["t"], ["f"], "flatten"),
        helper.make_node("Gemm", ["f", "w", "bias"], ["y"], "fc", transA=0, alpha=0.5),
    ]
    weights = {
        "a": normal(rng, 6, 1, 3, 3),
        "b": normal(rng, 6, 4, 2, 2),
        "w": normal(rng, 100, 3),
        "bias": normal(rng, 1, 3),
    }
    return decoded(build(nodes, weights, {"x": ["N", 2, 6, 6]}, {"y": ["N", 3]}))


def narrow_net():
    """Return a MatMul of 500 to 10 numbers: products so narrow are summed in other blocks."""
    rng = np.random.default_rng(6)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "only")]
    return decoded(build(nodes, {"w": normal(rng, 500, 3)}, {"x": ["N", 500]}, {"y": ["N", 3]}))


SHAPES = {"x": ["N", 4]}, {"y": ["N", 4]}
NETS = {
    "narrow": (narrow_net, (500,)),
    "mlp": (mlp, (6,)),
    "mlp of one batch size": (lambda: mlp(fixed_batch=7), (6,)),
    "convolutions": (conv_net, (1, 6, 6)),
    "softmax": (lambda: conv_net(softmax=True), (1, 6, 6)),
    "shared weight": (shared_net, (6,)),
    "groups": (grouped_net, (2, 6, 6)),
    "residual": (lambda: Residual((4, 8), (2, 2), 12, classes=3, stem_stride=1).model, (3, 12, 12)),
}


def pruning(rates, **others):
    return SweepOptions(treatments={"prune": rates}, **others)


def brute_force(model, data, row):
    """Return the evaluation of one point as a user would do it by hand."""
    if row.treatment == "prune":
        options = PruneOptions(row.method, seed=row.seed)
        changed = prune(model, [Assignment(row.layer, row.level)], options).model
    else:
        options = QuantizeOptions(seed=row.seed)
        changed = quantize(model, [Assignment(row.layer, int(row.level))], options).model
    return finish(evaluate(changed, data.task, data.samples))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("method", ["magnitude", "random-below"])
def test_every_point_equals_brute_force(net, method):
    make, shape = NETS[net]
    model = make()
    data = swept_on(model, random_images(*shape))
    options = SweepOptions(
        treatments={"prune": (0.3, 0.6, 0.8), "bits": (2, 3)}, method=method, workers=2, seed=5
    )
    table = finish(sweep(model, data, options))
    points = [row for curve in table.curves for row in curve.rows]
    assert len(points) >= 4
    for row in points:
        found = brute_force(model, data, row)
        assert round(row.value * row.samples) == found.correct, row
        assert row.loss == pytest.approx(found.loss, rel=1e-5)
    dense = finish(evaluate(model, data.task, data.samples))
    assert round(table.dense.value * 300) == dense.correct
    for row in points:
        assert row.lost - row.gained == dense.correct - round(row.value * 300)


def test_the_divergence_is_that_of_scipy():
    special = pytest.importorskip("scipy.special")
    model = mlp()
    data = swept_on(model, random_images(6))
    table = finish(sweep(model, data, pruning((0.8,), selectors=("fc1",))))
    (row,) = table.curves[0].rows
    changed = prune(model, [Assignment("fc1", 0.8)]).model
    p, q = (special.softmax(logits(m, data.samples), axis=1) for m in (model, changed))
    assert row.divergence == pytest.approx(special.rel_entr(p, q).sum(axis=1).mean(), rel=1e-4)


def logits(model, samples):
    from cortado.model.onnx_io import serial
    from cortado.runtime import Runtime

    session = Runtime().open(serial.encode(model))
    (pixels,) = samples.take(np.arange(len(samples))).inputs.values()
    return session.run({"x": pixels})["y"].astype(np.float64)


def test_workers_and_known_rows_change_nothing():
    model = conv_net()
    data = swept_on(model, random_images(1, 6, 6, count=900))
    options = [pruning((0.4, 0.7), workers=workers) for workers in (1, 3)]
    one, three = (finish(sweep(model, data, each)).rows for each in options)
    assert [plain(row) for row in one] == [plain(row) for row in three]
    kept = []
    rest = finish(sweep(model, data, options[0], one[:3], kept.extend)).rows
    assert [plain(row) for row in rest] == [plain(row) for row in one]
    assert tuple(kept) == rest[3:]


@pytest.mark.parametrize("net", NETS)
@given(st.data())
@settings(deadline=None, max_examples=8)
def test_figures_of_a_point_do_not_depend_on_what_is_measured_beside_it(net, draw):
    make, shape = NETS[net]
    model = make()
    data = swept_on(model, random_images(*shape, count=130))
    rates = draw.draw(st.lists(st.sampled_from([0.2, 0.3, 0.4, 0.5, 0.6, 0.7]), min_size=1))
    many = pruning((0.2, 0.3, 0.4, 0.5, 0.6, 0.7), workers=2)
    whole = {row.key: plain(row) for row in finish(sweep(model, data, many)).rows}
    few = finish(sweep(model, data, pruning(tuple(rates)))).rows
    assert all(plain(row) == whole[row.key] for row in few)


@pytest.mark.parametrize("room", [0, 20_000, 60_000, 10**9])
@pytest.mark.parametrize("net", NETS)
def test_what_is_kept_on_the_way_changes_no_figure(net, room, monkeypatch):
    make, shape = NETS[net]
    model, options = make(), pruning((0.4, 0.7), adaptive=True)
    data = swept_on(model, random_images(*shape))
    usual = finish(sweep(model, data, options)).rows
    monkeypatch.setattr(memory, "_KEPT_BYTES", room)
    assert [plain(row) for row in finish(sweep(model, data, options)).rows] == list(
        map(plain, usual)
    )


def test_images_are_read_once_where_they_fit():
    class Counted(ArraySamples):
        taken = 0

        def take(self, indices):
            type(self).taken += len(indices)
            return super().take(indices)

    model, samples = mlp(), random_images(6)
    swept = swept_on(model, Counted(samples.inputs, samples.targets))
    Counted.taken = 0
    finish(sweep(model, swept, pruning((0.4, 0.7), adaptive=True)))
    assert Counted.taken <= 300 + 1 + 4  # some to see how large values are, and which are batched


def plain(row):
    """Return all of a row but its seconds."""
    return {name: value for name, value in vars(row).items() if name != "seconds"}


def test_rows_of_other_images_are_refused():
    model = mlp()
    data = swept_on(model, random_images(6))
    rows = finish(sweep(model, data, pruning((0.5,)))).rows
    with pytest.raises(CortadoError, match="of another number of samples: 300, not 40"):
        finish(sweep(model, swept_on(model, random_images(6, count=40)), SweepOptions(), rows))


def test_points_stop_when_they_are_known_well_enough():
    model = mlp(sizes=(6, 50, 3))
    data = swept_on(model, random_images(6, count=4000))
    exact = finish(sweep(model, data, pruning((0.5, 0.9))))
    early = finish(sweep(model, data, pruning((0.5, 0.9), within=0.04)))
    for curve, whole in zip(early.curves, exact.curves, strict=True):
        for row, full in zip(curve.rows, whole.rows, strict=True):
            assert row.samples < full.samples == 4000
            assert row.ci_high - row.ci_low <= 0.08
            assert row.ci_low <= full.value <= row.ci_high


def test_points_below_the_floor_stop():
    model = mlp()
    data = swept_on(model, random_images(6, count=4000))
    table = finish(sweep(model, data, pruning((0.5,), floor=0.9)))
    assert {row.samples for curve in table.curves for row in curve.rows} == {500}


def test_adaptive_points_lie_where_the_accuracy_falls():
    model = mlp(sizes=(6, 50, 3))
    data = swept_on(model, random_images(6, count=2000, labelled=False))
    options = pruning((0.1, 0.9), selectors=("fc2",), adaptive=True)
    (curve,) = finish(sweep(model, data, options)).curves
    rates = [row.level for row in curve.rows]
    assert len(rates) > 3
    assert rates[:1] + rates[-1:] == [0.1, 0.9]


def test_what_cannot_be_swept_is_listed_with_its_reason():
    model = two_heads()
    table = finish(sweep(model, swept_on(model, random_images(1, 6, 6))))
    notes = {row.layer: row.note for row in table.without_figures}
    assert "no output that is scored depends on it" in notes["right"]
    bare = decoded(build([helper.make_node("Relu", ["x"], ["y"])], {}, *SHAPES))
    with pytest.raises(CortadoError, match="no prunable layer"):
        finish(sweep(bare, swept_on(bare, random_images(4))))


def test_a_layer_that_would_vanish_has_no_figures():
    model = mlp()
    table = finish(sweep(model, swept_on(model, random_images(6)), pruning((0.99,))))
    assert {row.note for row in table.without_figures} == {"it would lose all of its weights"}


def test_a_long_chain_of_nodes_can_be_cut():
    rng = np.random.default_rng(0)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["r0"], "first")]
    nodes += [helper.make_node("Relu", [f"r{i}"], [f"r{i + 1}"], f"relu{i}") for i in range(1500)]
    nodes.append(helper.make_node("MatMul", ["r1500", "v"], ["y"], "last"))
    weights = {"w": normal(rng, 6, 6), "v": normal(rng, 6, 3)}
    model = decoded(build(nodes, weights, {"x": ["N", 6]}, {"y": ["N", 3]}))
    options = pruning((0.5,))
    table = finish(sweep(model, swept_on(model, random_images(6, count=20)), options))
    assert len(table.curves) == 2


def test_a_point_that_stopped_too_early_is_measured_again():
    model = mlp(sizes=(6, 50, 3))
    data = swept_on(model, random_images(6, count=4000))
    early = finish(sweep(model, data, pruning((0.5,), within=0.04))).rows
    whole = finish(sweep(model, data, pruning((0.5,)), early)).rows
    assert {row.samples for row in whole} == {4000}
    assert len(whole) == len(early)
    kept = []
    finish(sweep(model, data, pruning((0.5,), within=0.04), whole, kept.extend))
    assert not kept


def test_the_rise_of_the_loss_is_of_the_same_images():
    model = mlp(sizes=(6, 50, 3))
    data = swept_on(model, random_images(6, count=4000))
    options = pruning((0.5,), floor=0.99)
    (row, *_) = finish(sweep(model, data, options)).curves[0].rows
    first = ArraySamples(*data.samples.take(np.arange(row.samples)))
    assert row.samples < 4000
    assert row.dense_loss == pytest.approx(finish(evaluate(model, data.task, first)).loss, rel=1e-5)


def test_rows_of_another_output_are_refused():
    model = two_heads()
    images = random_images(1, 6, 6, classes=2)
    left = finish(sweep(model, swept_on(model, images, head="left")))
    right = swept_on(model, images, head="right")
    with pytest.raises(CortadoError, match=r"s\.csv has rows of another output: left, not right"):
        finish(sweep(model, right, known=left.rows, source="s.csv"))


def test_rows_of_another_method_or_seed_are_refused():
    model = mlp()
    data = swept_on(model, random_images(6))
    rows = finish(sweep(model, data, pruning((0.5,)))).rows
    with pytest.raises(CortadoError, match=r"s\.csv has rows of another method: magnitude"):
        finish(sweep(model, data, SweepOptions(method="std"), rows, source="s.csv"))
    bits = SweepOptions(treatments={"bits": (2,)}, method="std")
    kinds = {curve.treatment for curve in finish(sweep(model, data, bits, rows)).curves}
    assert kinds == {"prune", "bits"}
