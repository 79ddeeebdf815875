"""Every command that takes ``--data`` takes nets of two integer inputs, and of plain numbers."""

import sys

import numpy as np
import pytest

from cli.kinds_of_nets import tagger
from cli.program import done
from cortado.model.onnx_io import serial
from nets import mlp

RNG = np.random.default_rng(0)
COUNT = 40
IDS = RNG.integers(0, 7, (COUNT, 5))
TOKENS = {"ids": IDS, "mask": np.ones_like(IDS)}
NUMBERS = {"x": RNG.standard_normal((COUNT, 6)).astype(np.float32)}
TARGETS = {"tokens": IDS % 3, "numbers": RNG.permutation(COUNT) % 3}
INPUTS = {"tokens": TOKENS, "numbers": NUMBERS}

COMMANDS = {
    "evaluate": "evaluate {pruned} --reference {dense}",
    "sensitivity": "sensitivity {dense} --rates 0.5",
    "repair": "repair {pruned} --reference {dense}",
    "retrain": "retrain {pruned} --epochs 1 --batch 20 --distill {dense}",
    "quantize": "quantize {pruned} --bits 2 --epochs 1 --batch 20",
    "emit": "emit {dense} --kernel int8",
    "validate": "validate {pruned} --reference {dense}",
    "inspect": "inspect {dense}",
    "compress": "compress {dense} --no-train --effort quick --max-drop 1 --treatment prune",
}

_MODULE = """
import numpy as np

with np.load({path!r}) as file:
    arrays = dict(file)
rows = [dict(zip(arrays, row)) for row in zip(*arrays.values())]

def dictionaries():
    return rows

def tuples():
    return [tuple(row.values()) for row in rows]

def iterated():
    return iter(tuples())
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Give kind → a function that fills in the paths of its nets."""
    folder, known = tmp_path_factory.mktemp("nets"), {}
    for kind, data in (("tokens", tagger()), ("numbers", serial.encode(mlp()))):
        dense, pruned = folder / f"{kind}.onnx", folder / f"{kind}-pruned.onnx"
        dense.write_bytes(data)
        done("prune", dense, "--sparsity", "0.5", "-q", "-o", pruned)
        known[kind] = {"dense": dense, "pruned": pruned}
    return known


def _named(arrays, folder):
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def _parts(arrays, folder):
    parts = {"train": slice(0, 24), "val": slice(24, 32), "test": slice(32, COUNT)}
    named = {f"{p}/{n}": array[cut] for p, cut in parts.items() for n, array in arrays.items()}
    np.savez(folder / "data.npz", **named)
    return folder / "data.npz"


def _samples(arrays, folder):
    for i in range(COUNT):
        np.savez(folder / f"{i:03}.npz", **{name: array[i] for name, array in arrays.items()})
    return folder


def _callable(function):
    def make(arrays, folder):
        path = _named(arrays, folder)
        name = f"data_of_{function}_{folder.name}".replace("-", "_")
        (folder / f"{name}.py").write_text(_MODULE.format(path=str(path)))
        sys.path.append(str(folder))
        return f"{name}:{function}"

    return make


FORMS = {
    "an npz": _named,
    "an npz in parts": _parts,
    "a directory of samples": _samples,
    "dictionaries of a callable": _callable("dictionaries"),
    "tuples of a callable": _callable("tuples"),
    "an iterator of a callable": _callable("iterated"),
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """Give a function that writes a form of data once and returns what ``--data`` says."""
    written = {}

    def write(kind, form, *, labelled):
        key = (kind, form, labelled)
        if key not in written:
            arrays = INPUTS[kind] | ({"target": TARGETS[kind]} if labelled else {})
            written[key] = FORMS[form](arrays, tmp_path_factory.mktemp("form"))
        return written[key]

    return write


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "no labels"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_named_samples(name, kind, form, labelled, spec, models):
    words = COMMANDS[name].format(**models[kind]).split()
    assert done(*words, "--data", spec(kind, form, labelled=labelled), "-q")
