"""Callables that return loaders, dictionaries of parts, iterables with and without an end."""

import itertools
import sys
import types

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from cortado.data import callables, open_data
from cortado.data.signature import Signature
from cortado.errors import CortadoError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 20)
SIGNATURE = Signature(inputs=("x",), outputs=("y",))


@pytest.fixture
def opened(monkeypatch):
    """Give what opens the data set that a function returns."""

    def of(function):
        module = types.ModuleType("sources_of_a_test")
        module.make = function
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return open_data("sources_of_a_test:make", SIGNATURE)

    return of


def tensors():
    return TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))


def assert_all(samples):
    batch = samples.take(np.arange(len(samples)))
    np.testing.assert_array_equal(batch.inputs["x"], X)
    np.testing.assert_array_equal(batch.targets["target"], Y)


def test_batches_of_a_loader_are_taken_apart(opened):
    assert_all(opened(lambda: DataLoader(tensors(), batch_size=8)).whole)


def test_batches_of_dictionaries_are_taken_apart(opened):
    rows = [{"x": x, "target": y} for x, y in zip(X, Y, strict=True)]
    assert_all(opened(lambda: DataLoader(rows, batch_size=3)).whole)


def test_a_loader_without_batches_gives_samples(opened):
    assert_all(opened(lambda: DataLoader(tensors(), batch_size=None)).whole)


def test_a_generator_is_a_data_set(opened):
    assert_all(opened(lambda: (pair for pair in zip(X, Y, strict=True))).whole)


def test_parts_come_in_a_dictionary(opened):
    found = opened(lambda: {"test": tensors(), "train": tensors(), "val": tensors()})
    for part in (found.train, found.val, found.test):
        assert_all(part)


def test_a_dictionary_of_other_names_is_refused(opened):
    with pytest.raises(CortadoError, match="a dictionary of training, test; its parts are train"):
        opened(lambda: {"training": tensors(), "test": tensors()})


def test_an_iterable_without_an_end_is_refused(opened, monkeypatch):
    monkeypatch.setattr(callables, "_MOST_BYTES", 100 * X[0].nbytes)
    with pytest.raises(CortadoError, match="did not end after 100 items"):
        opened(lambda: (x for x in itertools.cycle(X)))
