"""What scores are worth: Caffe's rule for ties, torch's cross-entropy.

Criteria are compared with Caffe's values in `retrain/test_criteria.py`.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cortado.scoring.formulas import better_than_label, cross_entropy


@pytest.mark.parametrize(
    ("scores", "label", "correct"),
    [
        ([1, 3, 2], 1, True),
        ([1, 3, 2], 2, False),
        ([3, 3, 2], 0, False),
        ([3, 3, 2], 1, False),
        ([0, 0, 0], 0, False),
        ([np.nan, 1, 2], 2, False),
        ([np.nan, 1, 2], 0, False),
        ([np.nan] * 3, 0, False),
        ([-np.inf, 1, 2], 2, True),
        ([np.inf, np.inf, 2], 0, False),
        ([np.inf, 1, 2], 0, True),
    ],
)
def test_only_a_strictly_largest_score_is_correct(scores, label, correct):
    row = np.array([scores], np.float32)
    assert (better_than_label(row, np.array([label])) == 0) == correct


@given(
    hnp.arrays(np.float32, (7, 5), elements=st.integers(-2, 2).map(float)),
    hnp.arrays(np.int64, 7, elements=st.integers(0, 4)),
)
def test_counting_is_caffes_loop(scores, labels):
    """As in accuracy_layer.cpp: count the scores ≥ the label's; more than itself is an error."""
    correct = 0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        correct += sum(score >= row[label] for score in row) == 1
    assert np.sum(better_than_label(scores, labels) == 0) == correct


@given(
    hnp.arrays(np.float32, (6, 4), elements=st.floats(-80, 80, width=32)),
    hnp.arrays(np.int64, 6, elements=st.integers(0, 3)),
)
@settings(deadline=None)
def test_cross_entropy_is_torchs(scores, labels):
    wide = torch.from_numpy(scores.astype(np.float64))
    expected = F.cross_entropy(wide, torch.from_numpy(labels), reduction="none").numpy()
    np.testing.assert_allclose(cross_entropy(scores, labels, "none"), expected, atol=1e-12)
    logs = F.log_softmax(wide, 1).numpy()
    np.testing.assert_allclose(cross_entropy(logs, labels, "log_softmax"), expected, atol=1e-12)
    capped = np.minimum(expected, -np.log(np.finfo(np.float32).tiny))  # as Caffe does
    np.testing.assert_allclose(cross_entropy(np.exp(logs), labels, "softmax"), capped, atol=1e-9)
