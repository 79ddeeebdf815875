"""The blobs of each layer: from the weights or from fillers, checked, and shared by name.

A layer finds its blobs in the weights by its own name; their number and shapes must be those
that the prototxt asks for. A layer that the weights don't have is refused, where Caffe would
run with random values, unless its blobs are frozen (`lr_mult: 0`) and filled without chance,
as upsampling layers are.

Blobs whose `param` has the same name are one: the first layer with the name owns it. Of the
others the weights may have copies, also those that lead to no output. Copies must be equal: where
they aren't, Caffe takes the last.

Source: BVLC/caffe net.cpp (CopyTrainedLayersFrom, AppendParam).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

import numpy as np

from cortado.caffe.caffemodel import CaffeWeights, StoredBlob
from cortado.caffe.fillers import DETERMINISTIC, MOST_VALUES, Fillers, fill, generator
from cortado.caffe.message import EMPTY, Field, Message, Scalar
from cortado.caffe.net import LayerSpec
from cortado.caffe.numbering import Numbering
from cortado.model.typing import Array, FloatArray
from cortado.task.solver import ParamSpec

__all__ = ["BlobSpec", "Loaded", "Parameter", "Parameters", "Weights"]

Weights: TypeAlias = CaffeWeights | Fillers | Numbering
"""Where a net's blobs come from."""


@dataclass(frozen=True)
class BlobSpec:
    """A blob that a layer asks for.

    Attributes
    ----------
    role : str
        What it is to the layer, such as ``weight``; the suffix of its initializer's name.
    shape : tuple of int
        The shape that Caffe gives it.
    filler : Message
        How to fill it without weights.
    default : float
        What to fill it with where `filler` is empty.
    folded : bool
        Whether the import computes with it instead of keeping it: the model has no such blob.
    """

    role: str
    shape: tuple[int, ...]
    filler: Message = EMPTY
    default: float = 0.0
    folded: bool = False

    @property
    def is_random(self) -> bool:
        """Whether the filler draws at random."""
        return self.filler.text("type", "constant") not in DETERMINISTIC

    def fill(self, seed: int, layer: LayerSpec, index: int) -> FloatArray:
        """Return new values."""
        filler = self.filler
        if not filler.fields:
            filler = Message((Field("value", Scalar(str(self.default)), layer.line),), layer.line)
        return fill(filler, self.shape, generator(seed, layer.name, index))


@dataclass(frozen=True)
class Parameter:
    """The values of a blob, under the name of its initializer: ``<owner>.<role>``."""

    name: str
    array: Array


@dataclass(frozen=True)
class Loaded:
    """The blobs that a layer got, and what it asked for."""

    layer: LayerSpec
    specs: tuple[BlobSpec, ...]
    blobs: tuple[Parameter, ...]


class Parameters:
    """Hands each layer its blobs, and remembers those that are shared.

    Attributes
    ----------
    loaded : list of Loaded
        What each layer got, in the order of the layers.
    """

    def __init__(self, weights: Weights) -> None:
        self.loaded: list[Loaded] = []
        self._weights = weights
        self._shared: dict[str, Parameter] = {}
        self._used: set[str] = set()
        self._values = 0

    def stored(self, layer: LayerSpec) -> int | None:
        """Return how many blobs the weights have for a layer; None where they don't have it."""
        match self._weights:
            case CaffeWeights(layers) if layer.name in layers:
                return len(layers[layer.name])
            case Numbering(stored):
                return stored.get(layer.name)
        return None

    def shapes(self, layer: LayerSpec) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the blobs that the weights have for a layer."""
        return tuple(blob.array.shape for blob in self._stored_blobs(layer) if blob is not None)

    def load(self, layer: LayerSpec, specs: Sequence[BlobSpec]) -> tuple[Parameter, ...]:
        """Return the blobs of a layer, in the shapes of `specs`."""
        params = [*layer.params, *[ParamSpec()] * len(specs)][: len(specs)]
        if layer.name in self._used and not all(param.name in self._shared for param in params):
            raise layer.refuse("another layer with parameters has the same name")
        self._used.add(layer.name)
        arrays = self._arrays(layer, specs, params)
        blobs = tuple(
            self._share(layer, spec, param, array)
            if param.name in self._shared
            else self._keep(param, f"{layer.name}.{spec.role}", array)
            for spec, param, array in zip(specs, params, arrays, strict=True)
        )
        self.loaded.append(Loaded(layer, tuple(specs), blobs))
        return blobs

    def check_used(self, layer: LayerSpec) -> None:
        """Refuse a layer that asked for no blobs although the weights have some for it."""
        if self.stored(layer) and layer.name not in self._used:
            raise layer.refuse(f"it has no blobs; the weights have {self.stored(layer)} for it")

    def check_copies(self, layers: Iterable[LayerSpec]) -> None:
        """Refuse other values for a shared blob in layers of the net that were not converted.

        Caffe runs these as well, so that a copy in one of them may be the last.
        """
        for layer in layers:
            for param, stored in zip(layer.params, self._stored_blobs(layer), strict=False):
                owned = self._shared.get(param.name)
                if owned is not None and stored is not None and not _equals(stored, owned.array):
                    raise layer.refuse(
                        f"a blob of it shares {owned.name}, but the weights hold other values "
                        "for it"
                    )

    def unused(self) -> tuple[str, ...]:
        """Return the names of the layers whose stored blobs nobody asked for."""
        if not isinstance(self._weights, CaffeWeights):
            return ()
        return tuple(
            name for name, blobs in self._weights.layers.items() if blobs and name not in self._used
        )

    def _stored_blobs(self, layer: LayerSpec) -> tuple[StoredBlob | None, ...]:
        if not isinstance(self._weights, CaffeWeights):
            return ()
        return tuple(self._weights.layers.get(layer.name, ()))

    def _arrays(
        self, layer: LayerSpec, specs: Sequence[BlobSpec], params: Sequence[ParamSpec]
    ) -> list[Array | None]:
        """Return the values of each blob; None for a shared one whose owner alone has them."""
        shared = [param.name in self._shared for param in params]
        if isinstance(self._weights, Fillers):
            return self._filled(layer, specs, shared, self._weights.seed)
        if isinstance(self._weights, Numbering):
            numbers = self._weights
            return [
                None if is_shared else _numbered(numbers, spec)
                for spec, is_shared in zip(specs, shared, strict=True)
            ]
        stored = self._weights.layers.get(layer.name)
        if stored is None:
            pairs = zip(specs, params, strict=True)
            random = [spec.is_random or param.lr_mult != 0 for spec, param in pairs]
            if any(chance and not own for chance, own in zip(random, shared, strict=True)):
                names = [name for name, blobs in self._weights.layers.items() if blobs]
                raise layer.refuse(
                    f"the weights do not have it; they have: {', '.join(names) or 'none'}"
                )
            return self._filled(layer, specs, shared, seed=0)
        return self._fitted(layer, specs, stored, shared)

    def _filled(
        self, layer: LayerSpec, specs: Sequence[BlobSpec], shared: Sequence[bool], seed: int
    ) -> list[Array | None]:
        """Return new values, unless the net would become absurdly large."""
        self._values += sum(prod(spec.shape) for spec in specs)
        if self._values > MOST_VALUES:
            raise layer.refuse(f"with it the net has {self._values} values, too many to fill")
        pairs = enumerate(zip(specs, shared, strict=True))
        return [None if is_shared else spec.fill(seed, layer, i) for i, (spec, is_shared) in pairs]

    def _fitted(
        self,
        layer: LayerSpec,
        specs: Sequence[BlobSpec],
        stored: Sequence[StoredBlob | None],
        shared: Sequence[bool],
    ) -> list[Array | None]:
        blobs = [*stored, *[None] * (len(specs) - len(stored))]
        missing = [b is None and not s for b, s in zip(blobs, shared, strict=False)]
        if len(stored) > len(specs) or any(missing):
            roles = ", ".join(spec.role for spec in specs)
            found = sum(blob is not None for blob in stored)
            raise layer.refuse(f"it needs {len(specs)} blobs ({roles}); the weights have {found}")
        pairs = zip(specs, blobs, strict=True)
        return [None if blob is None else _fit(layer, spec, blob) for spec, blob in pairs]

    def _keep(self, param: ParamSpec, name: str, array: Array | None) -> Parameter:
        assert array is not None  # only a shared blob may lack values
        parameter = Parameter(name, array)
        if param.name:
            self._shared[param.name] = parameter
        return parameter

    def _share(
        self, layer: LayerSpec, spec: BlobSpec, param: ParamSpec, stored: Array | None
    ) -> Parameter:
        owned = self._shared[param.name]
        same = owned.array.shape == spec.shape
        if not same and not (param.permissive and owned.array.size == prod(spec.shape)):
            raise layer.refuse(
                f"its {spec.role} of shape {list(spec.shape)} shares {owned.name} "
                f"of shape {list(owned.array.shape)}"
            )
        array = owned.array.reshape(spec.shape)
        if stored is not None and not np.array_equal(stored, array, equal_nan=True):
            raise layer.refuse(
                f"its {spec.role} shares {owned.name}, but the weights hold other values for it"
            )
        return replace(owned, array=array)


def _equals(stored: StoredBlob, array: Array) -> bool:
    return np.array_equal(stored.array.ravel(), array.ravel(), equal_nan=True)


def _numbered(numbers: Numbering, spec: BlobSpec) -> Array:
    if spec.folded:
        return np.full(spec.shape, spec.default, np.float32)
    return numbers.take(spec.shape)


def _fit(layer: LayerSpec, spec: BlobSpec, blob: StoredBlob) -> FloatArray:
    array = blob.fit(spec.shape)
    if array is None:
        raise layer.refuse(
            f"its {spec.role} has the shape {list(spec.shape)} in the prototxt "
            f"and {list(blob.array.shape)} in the weights"
        )
    return array
