"""A directory of ``.npz`` or ``.npy`` files, one sample each, for samples of varying shape.

An ``.npz`` file names its arrays after the inputs of the model, its targets ``target`` or after
outputs; an ``.npy`` file holds the only input. Arrays have no axis of samples. They may have the
batch axis of the graph, as one that a program saved on its way into the model has: then each sample
runs alone. Directories ``train``, ``val`` and ``test`` are parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cortado import files
from cortado.data.archives import check_finite, divide_names
from cortado.data.arrays import read_arrays
from cortado.data.forms import DataForm, Wanted, directories
from cortado.data.samples import Batch, Samples, labels_of
from cortado.data.signature import Signature
from cortado.errors import CortadoError
from cortado.model.typing import Array, IntArray

__all__ = ["SAMPLES", "list_samples", "open_samples"]

_SUFFIXES = (".npy", ".npz")


def list_samples(directory: str) -> list[str]:
    """Return the sorted paths of the sample files in a directory."""
    names = [name for name in files.list_names(directory) if name.endswith(_SUFFIXES)]
    return [f"{directory.rstrip('/')}/{name}" for name in sorted(names) if name[0] != "."]


def open_samples(paths: Sequence[str], signature: Signature) -> "FileSamples":
    """Return the samples of some files; each file is read once to learn its shapes.

    Raises
    ------
    CortadoError
        If a file is damaged, lacks an input, or has arrays that the first one has not.
    """
    shapes: dict[tuple[object, ...], int] = {}
    alike, targets = np.empty(len(paths), np.int64), []
    for index, path in enumerate(paths):
        sample = _read(path, signature)
        names = [sorted(part or {}) for part in sample]
        if index == 0:
            first = names
        if names != first:
            raise CortadoError(f"{path} has {names}, and {paths[0]} has {first}")
        kind = tuple((name, a.shape) for part in sample for name, a in sorted((part or {}).items()))
        alike[index] = shapes.setdefault(kind, len(shapes))
        targets.append(sample[1])
    return FileSamples(tuple(paths), signature, alike, _labels(targets))


@dataclass(frozen=True)
class FileSamples:
    """Samples in files, read when they are taken.

    Attributes
    ----------
    paths : tuple of str
        The files.
    signature : Signature
        What the model wants.
    alike : array of shape (n,), int64
        Equal numbers for equal shapes.
    labels : array of shape (n,), int64, or None
        The targets, where they are one integer a sample.
    """

    paths: tuple[str, ...]
    signature: Signature
    alike: IntArray
    labels: IntArray | None

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: IntArray) -> Batch:
        """Read some samples of equal shapes."""
        read = [_read(self.paths[i], self.signature) for i in indices.tolist()]
        inputs = _stack([inputs for inputs, _ in read])
        targets = [targets for _, targets in read if targets is not None]
        return Batch(inputs, _stack(targets) if targets else None)


def _read(path: str, signature: Signature) -> tuple[dict[str, Array], dict[str, Array] | None]:
    arrays = read_arrays(path)
    if arrays.keys() == {"x"} and len(signature.inputs) == 1:
        arrays = {signature.inputs[0]: arrays["x"]}
    inputs, targets = divide_names(arrays, signature, path)
    for name, array in inputs.items():
        if not array.size:
            raise CortadoError(f"{path}: {name!r} is empty: its shape is {array.shape}")
        check_finite(array[None], f"{path}: {name!r}")
    return inputs, targets


def _stack(samples: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}


def _labels(targets: Sequence[Mapping[str, Array] | None]) -> IntArray | None:
    known = [each for each in targets if each is not None]
    if len(known) < len(targets) or len({a.shape for each in known for a in each.values()}) > 1:
        return None
    return labels_of(_stack(known))


def _open(path: str, wanted: Wanted) -> Samples:
    return open_samples(list_samples(path), wanted.signature)


SAMPLES = DataForm(
    "a directory of samples (.npz, .npy)", directories(list_samples), _open, is_part=True
)
