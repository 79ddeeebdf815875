"""The blobs of each layer: from the weights or from fillers, checked, and shared by name.

A layer finds its blobs in the weights by its own name; their number and shapes must be those
that the prototxt asks for. A layer that the weights don't have is refused, where Caffe would
run with random values, unless its blobs are frozen (`lr_mult: 0`) and filled without chance,
as upsampling layers are.

Blobs whose `param` has the same name are one: the first layer with the name owns it.

Source: BVLC/caffe net.cpp (CopyTrainedLayersFrom, AppendParam).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

import numpy as np

from cortado.caffe.caffemodel import CaffeWeights, StoredBlob
from cortado.caffe.fillers import DETERMINISTIC, MOST_VALUES, Fillers, fill, generator
from cortado.caffe.message import EMPTY, Field, Message, Scalar
from cortado.caffe.net import LayerSpec, ParamSpec
from cortado.model.typing import FloatArray

__all__ = ["BlobSpec", "Parameter", "Parameters", "Weights"]

Weights: TypeAlias = CaffeWeights | Fillers
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
    """

    role: str
    shape: tuple[int, ...]
    filler: Message = EMPTY
    default: float = 0.0

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
    array: FloatArray


class Parameters:
    """Hands each layer its blobs, and remembers those that are shared."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._shared: dict[str, Parameter] = {}
        self._used: set[str] = set()
        self._filled = 0

    def stored(self, layer: LayerSpec) -> int | None:
        """Return how many blobs the weights have for a layer; None where they don't have it."""
        if isinstance(self._weights, Fillers) or layer.name not in self._weights.layers:
            return None
        return len(self._weights.layers[layer.name])

    def shapes(self, layer: LayerSpec) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the blobs that the weights have for a layer."""
        if isinstance(self._weights, Fillers):
            return ()
        return tuple(blob.array.shape for blob in self._weights.layers.get(layer.name, ()))

    def load(self, layer: LayerSpec, specs: Sequence[BlobSpec]) -> tuple[Parameter, ...]:
        """Return the blobs of a layer, in the shapes of `specs`."""
        params = [*layer.params, *[ParamSpec()] * len(specs)][: len(specs)]
        sharing = [param.name in self._shared for param in params]
        own = self._own(layer, specs, params) if not all(sharing) else {}
        return tuple(
            self._share(layer, spec, param) if shared else self._keep(param, own[i])
            for i, (spec, param, shared) in enumerate(zip(specs, params, sharing, strict=True))
        )

    def check_used(self, layer: LayerSpec) -> None:
        """Refuse a layer that asked for no blobs although the weights have some for it."""
        if self.stored(layer) and layer.name not in self._used:
            raise layer.refuse(f"it has no blobs; the weights have {self.stored(layer)} for it")

    def unused(self) -> tuple[str, ...]:
        """Return the names of the layers whose stored blobs nobody asked for."""
        if isinstance(self._weights, Fillers):
            return ()
        return tuple(
            name for name, blobs in self._weights.layers.items() if blobs and name not in self._used
        )

    def _own(
        self, layer: LayerSpec, specs: Sequence[BlobSpec], params: Sequence[ParamSpec]
    ) -> dict[int, Parameter]:
        if layer.name in self._used:
            raise layer.refuse("another layer with parameters has the same name")
        self._used.add(layer.name)
        arrays = self._arrays(layer, specs, params)
        return {
            i: Parameter(f"{layer.name}.{spec.role}", array)
            for i, (spec, array) in enumerate(zip(specs, arrays, strict=True))
        }

    def _arrays(
        self, layer: LayerSpec, specs: Sequence[BlobSpec], params: Sequence[ParamSpec]
    ) -> list[FloatArray]:
        if isinstance(self._weights, Fillers):
            return self._fill(layer, specs, self._weights.seed)
        stored = self._weights.layers.get(layer.name)
        if stored is None:
            pairs = zip(specs, params, strict=True)
            if any(spec.is_random or param.lr_mult for spec, param in pairs):
                names = [name for name, blobs in self._weights.layers.items() if blobs]
                raise layer.refuse(
                    f"the weights do not have it; they have: {', '.join(names) or 'none'}"
                )
            return self._fill(layer, specs, seed=0)
        if len(stored) != len(specs):
            roles = ", ".join(spec.role for spec in specs)
            raise layer.refuse(
                f"it needs {len(specs)} blobs ({roles}); the weights have {len(stored)}"
            )
        return [_fitted(layer, spec, blob) for spec, blob in zip(specs, stored, strict=True)]

    def _fill(self, layer: LayerSpec, specs: Sequence[BlobSpec], seed: int) -> list[FloatArray]:
        """Return new values, unless the net would become absurdly large."""
        self._filled += sum(prod(spec.shape) for spec in specs)
        if self._filled > MOST_VALUES:
            raise layer.refuse(f"with it the net has {self._filled} values, too many to fill")
        return [spec.fill(seed, layer, i) for i, spec in enumerate(specs)]

    def _keep(self, param: ParamSpec, parameter: Parameter) -> Parameter:
        if param.name:
            self._shared[param.name] = parameter
        return parameter

    def _share(self, layer: LayerSpec, spec: BlobSpec, param: ParamSpec) -> Parameter:
        owned = self._shared[param.name]
        self._used.add(layer.name)
        same = owned.array.shape == spec.shape
        if not same and not (param.permissive and owned.array.size == prod(spec.shape)):
            raise layer.refuse(
                f"its {spec.role} of shape {list(spec.shape)} shares {owned.name} "
                f"of shape {list(owned.array.shape)}"
            )
        return replace(owned, array=owned.array.reshape(spec.shape))


def _fitted(layer: LayerSpec, spec: BlobSpec, blob: StoredBlob) -> FloatArray:
    array = blob.fit(spec.shape)
    if array is None:
        raise layer.refuse(
            f"its {spec.role} has the shape {list(spec.shape)} in the prototxt "
            f"and {list(blob.array.shape)} in the weights"
        )
    return _plain_zeros(array)


def _plain_zeros(array: FloatArray) -> FloatArray:
    """Return the array with 0 for −0, which masks leave where a net was pruned in Caffe.

    Nothing computes otherwise with it, but a pruned weight is then the same bits everywhere.
    """
    negative = np.signbit(array) & (array == 0)
    return np.where(negative, np.zeros((), array.dtype), array) if negative.any() else array
