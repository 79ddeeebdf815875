"""The character error rate beside PyTorch-free references: a plain Levenshtein and a plain CTC."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortado.errors import CortadoError
from cortado.scoring.metrics import Scored, make_metric
from cortado.scoring.metrics.text import edit_distance, greedy_path
from cortado.task.outputs import Scores

OUTPUT = Scores("y", "y", "softmax", axis=2, rank=3)
WORDS = st.lists(st.integers(1, 4), max_size=8)


def levenshtein(first, second):
    """Return the distance by the textbook's recursion over a table."""
    table = np.zeros((len(first) + 1, len(second) + 1), int)
    table[:, 0], table[0] = np.arange(len(first) + 1), np.arange(len(second) + 1)
    for i, j in itertools.product(range(len(first)), range(len(second))):
        replaced = table[i, j] + (first[i] != second[j])
        table[i + 1, j + 1] = min(replaced, table[i, j + 1] + 1, table[i + 1, j] + 1)
    return table[-1, -1]


@given(WORDS, WORDS)
def test_edits_are_counted_as_in_the_textbook(first, second):
    assert edit_distance(np.array(first, int), np.array(second, int)) == levenshtein(first, second)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_the_greedy_path_merges_repetitions_and_drops_blanks(steps):
    scores = np.eye(5, dtype=np.float32)[steps][None]
    expected = [k for k, _ in itertools.groupby(steps) if k != 0]
    assert greedy_path(scores)[0].tolist() == expected


def spelled(*texts, alphabet="abc", blanks=True, classes=None):
    """Return scores whose greedy paths are texts of one length."""
    classes = classes or len(alphabet) + 1
    paths = [[alphabet.index(c) + 1 if c != " " else classes - 1 for c in text] for text in texts]
    steps = [[k for place in path for k in ((place, 0) if blanks else (place,))] for path in paths]
    return np.eye(classes, dtype=np.float32)[np.array(steps)]


def test_errors_are_pooled_over_all_characters():
    texts = np.array(["abca", "ccc", "b"])
    metric = make_metric("cer", Scored((OUTPUT,), {"y": texts[:1]}, tuple("abc")))
    parts = metric.parts({"y": spelled("abca", "abcb", "bbbb")}, {"y": texts})
    assert parts.tolist() == [[0, 4], [3, 3], [3, 1]]
    assert metric.value(parts) == pytest.approx(6 / 8)
    assert (metric.name, metric.higher_is_better) == ("cer", False)


def test_one_class_more_than_characters_is_a_space():
    metric = make_metric("cer", Scored((OUTPUT,), {"y": np.array(["a b"])}, tuple("abc")))
    parts = metric.parts({"y": spelled("a b", classes=5)}, {"y": np.array(["a b"])})
    assert parts.tolist() == [[0, 3]]


def test_without_texts_the_dense_model_says_them_and_no_alphabet_is_needed():
    metric = make_metric("cer", Scored((OUTPUT,)))
    parts = metric.parts({"y": spelled("abca")}, {"y": spelled("abcc")})
    assert parts.tolist() == [[1, 4]]


def test_integer_targets_are_classes_and_zeros_fill_them_up():
    target = np.array([[1, 2, 3, 0, 0]])
    metric = make_metric("cer", Scored((OUTPUT,), {"y": target}))
    assert metric.parts({"y": spelled("abca")}, {"y": target}).tolist() == [[1, 3]]


def test_a_missing_or_wrong_alphabet_is_refused():
    texts = np.array(["ab"])
    metric = make_metric("cer", Scored((OUTPUT,), {"y": texts}))
    with pytest.raises(CortadoError, match="the output y has 4 classes, and the model no alphabet"):
        metric.parts({"y": spelled("ab")}, {"y": texts})
    short = make_metric("cer", Scored((OUTPUT,), {"y": texts}, ("a",)))
    with pytest.raises(CortadoError, match="an alphabet of 1 characters: name them with"):
        short.parts({"y": spelled("ab")}, {"y": texts})


def test_scores_without_steps_are_refused():
    metric = make_metric("cer", Scored((OUTPUT,)))
    with pytest.raises(CortadoError, match=r"has the shape 2×4; a character error rate needs"):
        metric.parts({"y": np.zeros((2, 4))}, {"y": np.zeros((2, 4))})
