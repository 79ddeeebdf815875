"""The pass: nearer to the reference, with every zero and every shared value in its place."""

import numpy as np
import pytest
from onnx import helper

from cortado.caffe import import_caffe, read_caffemodel
from cortado.data import IMAGE, labelled_images, open_data, subset
from cortado.errors import CortadoError, UsageError
from cortado.invariants import check_kept
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.prune import prune
from cortado.quantize import QuantizeOptions, quantize
from cortado.repair import RepairOptions, repair
from cortado.runtime import Runtime
from cortado.task.metadata import write_transform
from cortado.task.transform import InputTransform
from nets import build, conv_net, decoded, mlp, normal, shared_weight_net, weight, with_weight
from support import SHARED, needs_shared
from test_batchnorm import residual


def images(count, seed=0, shape=(1, 6, 6)):
    """Return images of low rank, as real ones are."""
    rng = np.random.default_rng(seed)
    basis = np.random.default_rng(7).standard_normal((8, int(np.prod(shape))))
    pixels = rng.standard_normal((count, 8)) @ basis + 0.1 * rng.standard_normal((count, 1))
    return labelled_images(pixels.reshape(count, *shape).astype(np.float32))


def repaired(model, reference, shape=(1, 6, 6), **options):
    fitted, held = images(300, 1, shape), images(120, 2, shape)
    return finish(repair(model, reference, fitted, held, RepairOptions(**options)))


def distance(model, reference, shape=(1, 6, 6)):
    x = images(200, 3, shape).inputs[IMAGE]
    found, wanted = (
        Runtime().open(serial.encode(net)).run({"x": x})["y"] for net in (model, reference)
    )
    return float(np.square(found - wanted).sum() / np.square(wanted - wanted.mean(axis=0)).sum())


def cut(model, sparsity=0.6):
    return prune(model, [Assignment("*", sparsity)]).model


def shared(model, bits=2, grid="free"):
    return quantize(model, [Assignment("*", bits)], QuantizeOptions(grid=grid)).model


@pytest.mark.parametrize("make", [conv_net, lambda: residual()[1]], ids=["conv", "residual"])
@pytest.mark.parametrize(
    ("change", "factor"),
    [(cut, 0.5), (shared, 1.0), (lambda model: shared(cut(model), 3, "uniform"), 1.0)],
    ids=["cut", "shared", "on a grid"],
)
def test_outputs_come_nearer_and_zeros_and_shared_values_stay(make, change, factor):
    shape = (1, 6, 6) if make is conv_net else (1, 8, 8)
    reference = make()
    model = change(reference)
    before = serial.encode(model)
    found = repaired(model, reference, shape)
    assert serial.encode(model) == before
    assert found.kept
    assert found.after < found.before
    old, new = (distance(net, reference, shape) for net in (model, found.model))
    assert new < factor * old
    check_kept(model, found.model)
    assert [*found.model.graph.initializers] == [*model.graph.initializers]


def test_each_layer_is_reported_with_what_was_fitted():
    reference = residual()[1]
    found = repaired(cut(reference), reference, (1, 8, 8))
    assert [(step.name, step.kind) for step in found.steps] == [
        *(("conv1", "weights"), ("bn1", "statistics"), ("conv2", "weights")),
        *(("bn2", "statistics"), ("short", "weights"), ("bn3", "statistics")),
        ("head", "weights"),
    ]
    assert all(step.kept == (step.after < step.before) for step in found.steps)
    first = found.steps[0]
    changed = weight(found.model, "conv1.weight") != weight(cut(reference), "conv1.weight")
    assert changed.any() == first.kept


def test_the_reference_itself_stays_bit_for_bit():
    found = repaired(conv_net(), conv_net())
    assert not found.kept
    assert serial.encode(found.model) == serial.encode(conv_net())


@pytest.mark.parametrize("make", [conv_net, lambda: residual()[1]], ids=["conv", "residual"])
@pytest.mark.parametrize("memory", [0, 100_000])
def test_what_is_held_changes_the_time_and_not_the_values(make, memory):
    shape = (1, 6, 6) if make is conv_net else (1, 8, 8)
    held, computed = (
        repaired(cut(make()), make(), shape, **options) for options in ({}, {"memory": memory})
    )
    assert [step.kept for step in held.steps] == [step.kept for step in computed.steps]
    for name in held.model.graph.initializers:
        found, wanted = (weight(each.model, name) for each in (computed, held))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_same_seed_same_bytes():
    model = cut(conv_net())
    one, same, other = (
        serial.encode(repaired(model, conv_net(), rows=500, seed=seed).model) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_one_layer_gets_the_least_squares_of_its_outputs():
    reference = decoded(
        build(
            [helper.make_node("Gemm", ["x", "w", "b"], ["y"], "fc")],
            {"w": normal(np.random.default_rng(0), 36, 3), "b": np.ones(3, np.float32)},
            {"x": ["N", 36]},
            {"y": ["N", 3]},
        )
    )
    model = cut(reference, 0.5)
    found = repaired(model, reference, (36,), damping=1e-9).model
    x = images(300, 1, (36,)).inputs[IMAGE].astype(np.float64)
    y = x @ weight(reference, "w") + 1
    for output in range(3):
        kept = weight(model, "w")[:, output] != 0
        design = np.concatenate([x[:, kept], np.ones((300, 1))], axis=1)
        best = design @ np.linalg.lstsq(design, y[:, output], rcond=None)[0]
        fitted = x @ weight(found, "w")[:, output] + weight(found, "b")[output]
        assert (
            np.square(fitted - y[:, output]).sum()
            <= 1.01 * np.square(best - y[:, output]).sum() + 1e-3
        )


def test_no_bias_is_made_up():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], "fc")]
    w = normal(np.random.default_rng(0), 36, 3)
    reference = decoded(build(nodes, {"w": w}, {"x": ["N", 36]}, {"y": ["N", 3]}))
    found = repaired(cut(reference), reference, (36,))
    assert found.kept
    assert [*found.model.graph.initializers] == ["w"]
    assert len(found.model.graph) == 1


def test_pruned_biases_stay_zero():
    reference = conv_net()
    model = cut(with_weight(reference, "fc.bias", [0, 1, 2]))
    found = repaired(model, reference).model
    assert weight(found, "fc.bias")[0] == 0
    assert (weight(found, "fc.bias")[1:] != [1, 2]).all()


def test_a_layer_that_cannot_be_fitted_is_told_with_the_reason():
    net = shared_weight_net()
    found = repaired(net, net, (4,))
    assert not found.kept
    assert found.steps == ()
    assert "can be repaired: first: several nodes use its weight" in found.refusal
    assert serial.encode(found.model) == serial.encode(net)


def test_another_shape_of_a_layer_is_refused():
    with pytest.raises(CortadoError, match="fc1 is 5×6, and 7×6 in the reference"):
        repaired(mlp(sizes=(6, 5, 3)), mlp(sizes=(6, 7, 3)), (6,))


def test_other_layers_are_refused():
    with pytest.raises(CortadoError, match="the reference has no layer fc1"):
        repaired(mlp(), conv_net(), (6,))


def test_another_graph_is_refused():
    other = mlp()
    next(node for node in other.graph if node.name == "relu").op_type = "Tanh"
    with pytest.raises(CortadoError, match="another graph: relu is not the same"):
        repaired(mlp(), other, (6,))


def test_images_that_do_not_fit_are_refused():
    with pytest.raises(CortadoError, match="the images have the shape 7"):
        repaired(mlp(), mlp(), (7,))


def test_values_too_large_to_be_fitted_are_refused(recwarn):
    large = with_weight(mlp(), "fc1.bias", [3e38, 0, 0, 0, 0])
    with pytest.raises(CortadoError, match="values around fc1 are too large to be fitted"):
        repaired(large, large, (6,))
    assert not recwarn


def test_values_that_are_not_finite_are_refused():
    wild = with_weight(mlp(), "fc1.bias", [np.inf, 0, 0, 0, 0])
    with pytest.raises(CortadoError, match="values around fc1 are NaN or infinite"):
        repaired(mlp(), wild, (6,))


@pytest.mark.parametrize("wrong", [{"damping": 0.0}, {"damping": -1.0}, {"rows": 0}])
def test_options_without_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        RepairOptions(**wrong)


def test_one_image_is_no_check():
    reference = mlp()
    one = labelled_images(images(1).inputs[IMAGE].reshape(1, -1)[:, :4])
    with pytest.raises(CortadoError, match="checked on 2 samples at least; there is 1"):
        finish(repair(cut(reference), reference, one, one, RepairOptions()))


def wrong(net, samples):
    """Return how many images a plain loop over onnxruntime finds wrong."""
    pixels, labels = samples.inputs[IMAGE], samples.labels
    outputs = Runtime().open(serial.encode(net)).run({"data": pixels / np.float32(256)})
    return int((outputs["ip3"].argmax(axis=1) != labels).sum())


@needs_shared
def test_a_net_cut_in_one_shot_comes_back():
    """LeNet-300-100 of Dynamic Network Surgery at Han's densities: 16.07 % errors, then 3.03 %."""
    folder = SHARED / "caffe" / "dns-lenet300100"
    text = (folder / "deploy.prototxt").read_text()
    weights = read_caffemodel((folder / "original.caffemodel").read_bytes())
    dense = import_caffe(text, weights).model
    write_transform(dense, InputTransform(scale=1 / 256))
    rates = [Assignment("ip1", 0.92), Assignment("ip2", 0.91), Assignment("ip3", 0.74)]
    pruned = prune(dense, rates).model
    data = open_data(str(SHARED / "mnist"))
    fitted, held = subset(data.train, 2000), subset(data.val, 1000)
    found = finish(repair(pruned, dense, fitted, held, RepairOptions())).model
    errors = [wrong(net, data.test) for net in (pruned, found)]
    assert errors[0] > 1500
    assert errors[1] <= 320
