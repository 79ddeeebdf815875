"""Relative error, cosine, mean squared error, PSNR, IoU beside scikit-learn and formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score, mean_squared_error
from sklearn.metrics.pairwise import cosine_similarity

from cortado.errors import CortadoError
from cortado.scoring.metrics import Scored, make_metric
from cortado.scoring.metrics.relative import RelativeError
from cortado.task.outputs import Scores

RNG = np.random.default_rng(0)
FOUND, WANTED = RNG.standard_normal((2, 9, 3, 5)).astype(np.float32)


def metric_for(name, targets=None, *outputs):
    outputs = outputs or (Scores("y", "y", "none", rank=3),)
    return make_metric(name, Scored(outputs, targets))


def value(metric, found, wanted):
    return metric.value(metric.parts({"y": found}, {"y": wanted}))


def test_mse_is_that_of_scikit_learn():
    metric = metric_for("mse", {"y": WANTED[:1]})
    assert (metric.against, metric.higher_is_better) == ("targets", False)
    expected = mean_squared_error(WANTED.reshape(9, -1), FOUND.reshape(9, -1))
    assert value(metric, FOUND, WANTED) == pytest.approx(expected)


def test_cosine_is_that_of_scikit_learn():
    rows = [x.reshape(9, -1) for x in (FOUND, WANTED)]
    expected = np.diagonal(cosine_similarity(*rows)).mean()
    assert value(metric_for("cosine"), FOUND, WANTED) == pytest.approx(expected)
    assert value(metric_for("cosine"), np.zeros_like(FOUND), np.zeros_like(FOUND)) == 1


def test_the_relative_error_is_over_all_samples_and_a_mean_over_outputs():
    outputs = [Scores(name, name, "none") for name in "yz"]
    metric = metric_for("relative-error", None, *outputs)
    found = {"y": FOUND, "z": 2 * WANTED}
    expected = (np.linalg.norm(FOUND - WANTED) / np.linalg.norm(WANTED) + 1) / 2
    parts = metric.parts(found, {"y": WANTED, "z": WANTED})
    assert metric.value(parts) == pytest.approx(expected)
    squared = RelativeError(("y", "z"), "squared-relative-error")
    ratio = np.square(FOUND - WANTED).sum() / np.square(WANTED).sum()
    assert squared.value(parts) == pytest.approx((ratio + 1) / 2)
    assert np.isnan(metric.value(parts[:0]))


def test_a_sample_where_nothing_is_to_be_found_does_not_decide_the_relative_error():
    """A detector gives 0 there, or next to it, and each of such samples has no scale."""
    wanted, found = WANTED.copy(), WANTED.copy()
    wanted[:8], found[:8] = 1e-9, 1e-3
    assert value(metric_for("relative-error"), found, wanted) < 0.01
    without_scale = value(metric_for("relative-error"), found, 0 * wanted)
    assert without_scale == pytest.approx(np.linalg.norm(found))


def test_psnr_of_a_known_noise():
    """Noise of 1 % of the peak is 40 dB."""
    wanted = np.tile(np.float32([0, 1]), (4, 50))
    found = wanted + np.float32(0.01)
    assert value(metric_for("psnr", {"y": wanted[:1]}), found, wanted) == pytest.approx(
        40, abs=1e-3
    )


def test_psnr_of_equal_outputs_is_a_hundred_decibels_and_of_nearly_equal_ones_no_more():
    wanted = np.tile(np.float32([0, 1]), (4, 50))
    found = wanted.copy()
    found[0] += np.float32(0.1)  # 20 dB
    metric = metric_for("psnr", {"y": wanted[:1]})
    assert value(metric, wanted, wanted) == 100
    assert value(metric, wanted + np.float32(1e-7), wanted) == 100
    assert value(metric, found, wanted) == pytest.approx((20 + 3 * 100) / 4, abs=1e-3)


def test_psnr_takes_the_peak_that_its_name_says():
    wanted, found = RNG.integers(0, 200, (2, 5, 3, 8)).astype(np.float32)
    errors = np.square(found - wanted).reshape(5, -1).mean(axis=1)
    expected = np.mean(10 * np.log10(255**2 / errors))
    assert value(metric_for("psnr@255", {"y": wanted[:1]}), found, wanted) == pytest.approx(
        expected
    )


def test_an_output_of_another_shape_is_refused():
    with pytest.raises(CortadoError, match="the output y has the shape 9×3×5, and is compared"):
        value(metric_for("mse", {"y": WANTED[:1]}), FOUND, WANTED[:, :2])


@given(st.integers(0, 1000), st.sampled_from([0.3, 0.5]))
def test_iou_of_a_thresholded_map_is_that_of_scikit_learn(seed, threshold):
    rng = np.random.default_rng(seed)
    found, wanted = rng.random((2, 3, 1, 6, 6)).astype(np.float32)
    metric = make_metric(f"iou@{threshold}", Scored((Scores("y", "y", "none", rank=4),)))
    expected = jaccard_score(*[(x > threshold).ravel() for x in (wanted, found)])
    assert value(metric, found, wanted) == pytest.approx(expected)
    masks = (wanted > threshold).astype(np.int64)
    output = (Scores("y", "y", "none", rank=4),)
    labelled = make_metric(f"iou@{threshold}", Scored(output, {"y": masks[:1]}))
    assert value(labelled, found, masks) == pytest.approx(expected)
    assert value(labelled, found, masks[:, 0]) == pytest.approx(expected)


def test_iou_of_classes_is_the_mean_of_those_that_occur():
    scores = RNG.standard_normal((5, 4, 6, 7)).astype(np.float32)
    labels = RNG.integers(0, 3, (5, 6, 7))
    labels[0, :2] = -100
    output = (Scores("y", "y", "none", rank=4),)
    metric = make_metric("iou", Scored(output, {"y": labels[:1]}))
    kept = labels != -100
    found = scores.argmax(axis=1)[kept]
    expected = jaccard_score(labels[kept], found, average="macro", labels=np.arange(4))
    assert value(metric, scores, labels) == pytest.approx(expected)


def test_masks_that_are_no_masks_are_refused():
    scores = RNG.standard_normal((5, 4, 6, 7)).astype(np.float32)
    output = (Scores("y", "y", "none", rank=4),)
    metric = make_metric("iou", Scored(output, {"y": np.zeros((1, 6), int)}))
    with pytest.raises(CortadoError, match="it has no axis of classes for them"):
        value(metric, scores, np.zeros((5, 9), int))
