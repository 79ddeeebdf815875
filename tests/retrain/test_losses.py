"""Each loss is the same in numpy, which measures it, and in PyTorch, which trains by it."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.built_in import CAFFE_LOSSES
from cortado.errors import CortadoError
from cortado.retrain.losses import compute, torch_names
from cortado.scoring.losses import Term, loss_names, measure
from cortado.task.criteria import Criterion
from cortado.task.outputs import Scores

SCORES = Scores("y", "y", "none")
SEEDS = st.integers(0, 2**32 - 1)


def term(loss, **changes):
    return Term(loss, SCORES, "y", **changes)


def assert_same(term, scores, targets):
    """Compare a loss in numpy with the one in PyTorch; return it."""
    total, divisor = measure(term, scores, targets)
    found = compute(term, torch.tensor(scores), torch.tensor(targets)).item()
    assert found == pytest.approx(total / max(divisor, 1), rel=1e-9, abs=1e-12)
    return found


def test_every_name_has_both_functions():
    assert torch_names() == loss_names()
    assert {"cross-entropy", "bce", "mse", "l1", "ctc", *CAFFE_LOSSES} <= set(loss_names())


@settings(deadline=None)
@given(
    SEEDS,
    st.integers(1, 5),
    st.integers(2, 5),
    st.lists(st.integers(1, 4), max_size=2),
    st.sampled_from([None, 1, 255]),
)
def test_cross_entropy(seed, count, classes, places, ignore):
    """Of samples, of the positions of a text, and of pixels; what is ignored does not count."""
    rng = np.random.default_rng(seed)
    shape = {0: (count, classes), 1: (count, *places, classes)}.get(
        len(places), (count, classes, *places)
    )
    scores = rng.standard_normal(shape) * 3
    labels = rng.integers(0, classes, (count, *places))
    drawn = rng.random(labels.shape)
    if places:
        labels[drawn < 0.3] = -100
    if ignore is not None:
        labels[drawn > 0.7] = ignore if ignore < classes else 255
    found = assert_same(term("cross-entropy", ignore=ignore), scores, labels)
    counted = (labels != -100) & (labels != ignore)
    rows = np.moveaxis(scores, 1, -1) if len(places) == 2 else scores
    logs = rows[counted] - np.log(np.exp(rows[counted]).sum(axis=-1, keepdims=True))
    own = logs[np.arange(len(logs)), labels[counted]]
    assert found == pytest.approx(-own.mean() if own.size else 0)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 5), st.lists(st.integers(1, 4), max_size=2), st.booleans())
def test_binary_cross_entropy(seed, count, places, soft):
    rng = np.random.default_rng(seed)
    shape = (count, *places)
    targets = rng.random(shape) if soft else rng.integers(0, 2, shape)
    scores = rng.standard_normal((*shape, 1)) * 5
    found = assert_same(term("bce"), scores, targets)
    chances = 1 / (1 + np.exp(-scores[..., 0]))
    expected = -(targets * np.log(chances) + (1 - targets) * np.log(1 - chances)).mean()
    assert found == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 5), st.lists(st.integers(1, 4), max_size=3))
def test_squared_and_absolute_errors(seed, count, places):
    rng = np.random.default_rng(seed)
    scores, targets = rng.standard_normal((2, count, *places))
    assert assert_same(term("mse"), scores, targets) == pytest.approx(
        ((scores - targets) ** 2).mean()
    )
    assert assert_same(term("l1"), scores, targets) == pytest.approx(abs(scores - targets).mean())


@settings(deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 5), st.integers(0, 3))
def test_ctc(seed, count, steps, longest):
    """Texts of any length, repeated characters among them; some are longer than the steps."""
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((count, steps, 3)) * 2
    targets = np.zeros((count, longest), np.int64)
    for row in targets:
        length = rng.integers(0, longest + 1)
        row[:length] = rng.integers(1, 3, length)
    assert_same(term("ctc"), scores, targets)


@pytest.mark.parametrize("text", [(), (1,), (1, 1), (1, 2), (2, 1, 2)])
def test_ctc_is_the_sum_over_all_paths(text):
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((1, 4, 3))
    chances = np.exp(scores[0]) / np.exp(scores[0]).sum(axis=1, keepdims=True)
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        merged = [each for each, _ in itertools.groupby(path) if each]
        if tuple(merged) == text:
            total += math.prod(chances[step, each] for step, each in enumerate(path))
    found, _ = measure(term("ctc"), scores, np.array([text], np.int64).reshape(1, -1))
    assert found == pytest.approx(-math.log(total) / max(len(text), 1))


@settings(deadline=None)
@given(
    SEEDS,
    st.sampled_from(CAFFE_LOSSES),
    st.sampled_from(["VALID", "FULL"]),
    st.sampled_from([None, 0]),
    st.sampled_from(["L1", "L2"]),
)
def test_caffes_losses(seed, kind, normalization, ignore, norm):
    rng = np.random.default_rng(seed)
    width = 1 if kind in ("EuclideanLoss", "SigmoidCrossEntropyLoss") else 3
    scores = rng.random((5, width)) + 0.01
    labels = rng.integers(0, max(width, 2), 5)
    criterion = Criterion("loss", kind, "y", ignore=ignore, normalization=normalization, norm=norm)
    assert_same(term(kind, criterion=criterion), scores, labels)


@pytest.mark.parametrize(
    ("loss", "scores", "targets", "message"),
    [
        (
            "cross-entropy",
            (4, 3),
            np.array([0, 1, 3, 0]),
            "label 3 lies outside the 3 classes",
        ),
        ("cross-entropy", (4, 3), np.ones(4), "targets of y are float64: cross-entropy needs"),
        ("cross-entropy", (4, 3, 5), np.zeros((4, 2), int), "it has no axis of classes for them"),
        ("mse", (4, 3), np.ones((4, 2)), "the output y has the shape 4×3, and mse compares it"),
        ("l1", (4, 3), np.ones(4), "and l1 compares it with targets of 4"),
        ("bce", (4, 3), np.ones((4, 2)), "and bce compares it with targets of 4×2"),
        ("ctc", (4, 3), np.ones((4, 2), int), r"ctc needs scores of shape \(n, steps, classes\)"),
        ("ctc", (1, 9, 3), np.array([[1, 3]]), "label 3 lies outside the 3 classes"),
        (
            "ctc",
            (1, 9, 3),
            np.array(["a?"]),
            r"character '\?', which is not in the alphabet",
        ),
        ("ctc", (1, 9, 3), np.ones((1, 2)), "targets of y are float64: ctc needs texts or classes"),
    ],
)
def test_targets_that_do_not_fit_are_one_line(loss, scores, targets, message):
    with pytest.raises(CortadoError, match=message):
        measure(term(loss, alphabet=("a", "b")), np.zeros(scores), targets)
