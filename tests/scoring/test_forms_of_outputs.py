"""What the numbers of an output are: classes behind an ArgMax, answers yes or no, rows of texts."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from cortado.data import ArraySamples
from cortado.errors import UsageError
from cortado.model.layers.selector import Assignment
from cortado.model.onnx_io import serial
from cortado.progress import finish
from cortado.prune import prune
from cortado.retrain import RetrainOptions, retrain
from cortado.scoring.bind import TaskOptions, bind
from cortado.scoring.evaluate import evaluate
from cortado.sensitivity import SweepOptions, sweep
from nets import build, decoded, normal
from scored import swept_on, undivided

RNG = np.random.default_rng(5)
PIXELS = RNG.standard_normal((30, 4, 5)).astype(np.float32)


def product(columns, last=(), output=("N", "M"), kind=TensorProto.FLOAT):
    """Return Flatten → MatMul with this many columns → further nodes, which end in y."""
    weights = {"w": normal(np.random.default_rng(1), 20, columns), "shape": np.array([0, 4, -1])}
    nodes = [
        helper.make_node("Flatten", ["x"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["h" if last else "y"], "product"),
        *last,
    ]
    proto = build(nodes, weights, {"x": ["N", 4, 5]}, {"y": list(output)})
    proto.graph.output[0].type.tensor_type.elem_type = kind
    return decoded(proto)


def choosing(keepdims):
    """Return a net that gives, for 4 positions, which of 3 classes scores highest."""
    last = [
        helper.make_node("Reshape", ["h", "shape"], ["r"]),
        helper.make_node("ArgMax", ["r"], ["y"], axis=2, keepdims=keepdims),
    ]
    shape = ["N", 4, 1] if keepdims else ["N", 4]
    return product(12, last, shape, TensorProto.INT64)


def run(model):
    return onnxruntime.InferenceSession(serial.encode(model)).run(None, {"x": PIXELS})[0]


def data_of(targets):
    return undivided(ArraySamples({"x": PIXELS}, {"target": targets}))


def evaluated(model, targets, **options):
    data = data_of(targets)
    return finish(evaluate(model, bind(model, data, TaskOptions(**options)), data.whole))


@pytest.mark.parametrize("keepdims", [0, 1])
def test_classes_behind_an_argmax_are_compared_with_labels(keepdims):
    model, labels = choosing(keepdims), RNG.integers(0, 3, (30, 4))
    found = run(model).reshape(30, 4)
    assert evaluated(model, labels).value == np.mean(found == labels)
    both = [((found == c) & (labels == c)).sum() for c in range(3)]
    either = [((found == c) | (labels == c)).sum() for c in range(3)]
    overlap = np.mean(np.array(both) / either)
    assert evaluated(model, labels, metric="iou").value == pytest.approx(overlap)


def test_the_loss_behind_an_argmax_is_that_of_the_scores_before_it():
    model, labels = choosing(0), RNG.integers(0, 3, (30, 4))
    task = bind(model, data_of(labels))
    options = RetrainOptions(epochs=30, batch=10, lr=0.05, shift=0, device="cpu")
    trained = finish(retrain(model, task, options)).model
    before, after = (evaluated(each, labels) for each in (model, trained))
    assert after.value > before.value + 0.2
    assert after.loss < before.loss


def test_classes_behind_an_argmax_agree_with_the_dense_model_without_labels():
    model = choosing(0)
    swept = swept_on(model, ArraySamples({"x": PIXELS}))
    assert swept.task.metric.name == "agreement"
    table = finish(sweep(model, swept, SweepOptions(treatments={"prune": (0.5,)})))
    cut = prune(model, [Assignment("*", 0.5)]).model
    assert table.rows[1].value == np.mean(run(cut) == run(model))


def test_top_k_of_classes_behind_an_argmax_is_refused():
    with pytest.raises(UsageError, match="top-2 needs scores of classes"):
        bind(choosing(0), data_of(RNG.integers(0, 3, (30, 4))), TaskOptions(metric="top-2"))


@pytest.mark.parametrize("has_sigmoid", [False, True])
@pytest.mark.parametrize("columns", [1, 3])
def test_numbers_that_say_yes_or_no_count_by_their_threshold(has_sigmoid, columns):
    last = [helper.make_node("Sigmoid", ["h"], ["y"])] if has_sigmoid else ()
    model = product(columns, last, ["N", columns])
    labels = RNG.integers(0, 2, (30, columns) if columns > 1 else 30)
    logits = run(model).astype(np.float64).reshape(labels.shape)
    if has_sigmoid:
        logits = np.log(logits / (1 - logits))
    found = evaluated(model, labels)
    assert found.value == np.mean((logits > 0) == labels)
    entropy = np.logaddexp(0, logits) - labels * logits
    assert found.loss == pytest.approx(entropy.mean(), rel=1e-4)


def test_numbers_beside_other_integers_are_numbers():
    model = product(1, output=["N", 1])
    ages = RNG.integers(20, 60, 30)
    assert evaluated(model, ages).metric == "mse"


def test_rows_of_classes_are_texts_where_they_are_no_steps():
    last = [helper.make_node("Reshape", ["h", "shape"], ["y"])]
    model = product(12, last, ["N", 4, 3])
    rows = RNG.integers(1, 3, (30, 2))
    assert evaluated(model, rows).metric == "cer"
    assert evaluated(model, RNG.integers(0, 3, (30, 4))).metric == "accuracy"
