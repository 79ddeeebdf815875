"""Accuracy, agreement, cross-entropy and divergence beside scikit-learn, SciPy and PyTorch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, rel_entr, softmax
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from cortado.errors import CortadoError, UsageError
from cortado.scoring.metrics import Scored, make_metric
from cortado.scoring.metrics.class_rows import class_axis
from cortado.scoring.metrics.classes import CrossEntropy, Divergence
from cortado.task.outputs import Scores

RNG = np.random.default_rng(0)
SCORES = RNG.standard_normal((60, 7)).astype(np.float32)
LABELS = RNG.integers(0, 7, 60)
OUTPUT = Scores("y", "y", "none", rank=2)


def scored(labels, output=OUTPUT, ignore=None):
    targets = None if labels is None else {"y": labels[:1]}
    return Scored((output,), targets, ignore=ignore)


def parts(metric, scores, wanted):
    return metric.parts({"y": scores}, {"y": wanted})


def test_accuracy_is_that_of_scikit_learn():
    metric = make_metric("accuracy", scored(LABELS))
    found = parts(metric, SCORES, LABELS)
    assert (metric.kind, found.shape) == ("binary", (60, 1))
    assert metric.value(found) == pytest.approx(accuracy_score(LABELS, SCORES.argmax(axis=1)))


@pytest.mark.parametrize("k", [2, 5])
def test_top_k_is_that_of_scikit_learn(k):
    metric = make_metric(f"top-{k}", scored(LABELS))
    assert metric.name == f"top-{k}"
    expected = top_k_accuracy_score(LABELS, SCORES, k=k, labels=np.arange(7))
    assert metric.value(parts(metric, SCORES, LABELS)) == pytest.approx(expected)


def test_a_tie_with_the_label_is_an_error():
    metric = make_metric("accuracy", scored(LABELS))
    found = parts(metric, np.float32([[1, 1, 0], [0, 1, 0]]), np.array([0, 1]))
    assert found[:, 0].tolist() == [0, 1]


def test_agreement_takes_the_choice_of_the_dense_model():
    metric = make_metric("agreement", scored(None))
    other = SCORES + RNG.standard_normal(SCORES.shape).astype(np.float32)
    agree = (SCORES.argmax(axis=1) == other.argmax(axis=1)).mean()
    assert metric.value(parts(metric, other, SCORES)) == pytest.approx(agree)
    assert metric.against == "reference"


@pytest.mark.parametrize(("axis", "shape"), [(1, (4, 5, 6, 3)), (2, (4, 6, 5))])
def test_labels_of_positions_are_pooled_and_some_are_ignored(axis, shape):
    """PyTorch's cross_entropy has the classes on axis 1, and ignores -100."""
    scores = RNG.standard_normal(shape).astype(np.float32)
    labels = RNG.integers(0, 5, shape[:axis] + shape[axis + 1 :])
    labels.reshape(-1)[::4] = -100
    output = Scores("y", "y", "none", rank=len(shape))
    metric = make_metric("accuracy", scored(labels, output))
    kept = labels != -100
    right = (scores.argmax(axis=axis) == labels)[kept].mean()
    assert metric.kind == "pooled"
    assert metric.value(parts(metric, scores, labels)) == pytest.approx(right)
    loss = CrossEntropy(output)
    classes_first = torch.from_numpy(np.moveaxis(scores, axis, 1).copy())
    each = F.cross_entropy(classes_first, torch.from_numpy(labels), reduction="none").numpy()
    counts = kept.reshape(4, -1).sum(axis=1)
    expected = each.reshape(4, -1).sum(axis=1) / counts
    np.testing.assert_allclose(parts(loss, scores, labels)[:, 0], expected, rtol=1e-5)


def test_the_axis_of_the_classes_is_the_one_that_labels_lack():
    assert class_axis((2, 9, 4), (2, 9), OUTPUT) == 2
    assert class_axis((2, 4, 9), (2, 9), OUTPUT) == 1
    assert class_axis((2, 5, 5), (2, 5), OUTPUT) == 2
    softmax_first = Scores("y", "x", "softmax", axis=1)
    assert class_axis((2, 5, 5), (2, 5), softmax_first) == 1
    with pytest.raises(CortadoError, match="the labels have the shape 2×7, and the output y 2×9×4"):
        class_axis((2, 9, 4), (2, 7), OUTPUT)


@given(st.integers(1, 20), st.integers(2, 9))
def test_cross_entropy_and_divergence_are_scipys(count, classes):
    rng = np.random.default_rng(count * 10 + classes)
    scores, dense = rng.standard_normal((2, count, classes)).astype(np.float32)
    labels = rng.integers(0, classes, count)
    expected = -log_softmax(scores.astype(float), axis=1)[np.arange(count), labels]
    np.testing.assert_allclose(parts(CrossEntropy(OUTPUT), scores, labels)[:, 0], expected)
    divergence = rel_entr(*(softmax(x.astype(float), axis=1) for x in (dense, scores))).sum(axis=1)
    found = parts(Divergence(OUTPUT), scores, dense)[:, 0]
    np.testing.assert_allclose(found, divergence, atol=1e-9)


def test_without_labels_the_choices_of_the_dense_model_are_the_labels():
    other = SCORES + np.float32(0.1)
    found = parts(CrossEntropy(OUTPUT, "reference"), SCORES, other)
    expected = parts(CrossEntropy(OUTPUT), SCORES, other.argmax(axis=1))
    np.testing.assert_array_equal(found, expected)


def test_accuracy_without_labels_is_refused():
    with pytest.raises(
        UsageError, match="the metric accuracy needs labels, and the data have none"
    ):
        make_metric("accuracy", scored(None))


@pytest.mark.parametrize("spec", ["acuracy", "top-", "iou@x", "top"])
def test_an_unknown_metric_is_refused_with_the_known_ones(spec):
    with pytest.raises(UsageError, match=r"there is no metric .*; there are: accuracy, top-K"):
        make_metric(spec, scored(LABELS))


def test_labels_that_are_no_integers_are_refused():
    metric = make_metric("accuracy", scored(LABELS))
    with pytest.raises(CortadoError, match="accuracy needs integer labels"):
        parts(metric, SCORES, LABELS / 2)


def test_a_label_outside_of_the_classes_is_refused():
    metric = make_metric("accuracy", scored(LABELS))
    with pytest.raises(CortadoError, match="the label 7 lies outside the 7 classes of y"):
        parts(metric, SCORES, np.full(60, 7))
