"""Which function converts which type of layer.

A function takes the layer's `Context` and returns what its tops are. To add a type, write one
in the module of its family, or in a module of your own that is imported before the net:

    @layer("AbsVal")
    def _abs_val(context: Context) -> Blob:
        return context.unary("Abs")

The last function that is registered for a type converts it.

What Caffe cannot compute in place, with its top in the memory of its bottom, says so: such a layer
overwrites what it has still to read.

    @layer("Flatten", in_place=never)
"""

from collections.abc import Callable
from typing import TypeAlias

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.net import LayerSpec

__all__ = ["Converter", "InPlace", "always", "converter_of", "in_place_of", "is_own", "layer"]
__all__ += ["never", "of_one_blob"]

Converter: TypeAlias = Callable[[Context], Blob | tuple[Blob, ...]]

InPlace: TypeAlias = Callable[[LayerSpec], bool]
"""Tells whether Caffe computes a layer rightly in place."""

_CONVERTERS: dict[str, Converter] = {}
_IN_PLACE: dict[str, InPlace] = {}
_OWN = f"{__name__.partition('.')[0]}."


def always(_: LayerSpec) -> bool:
    """Mark a type that reads each value before it overwrites it."""
    return True


def never(_: LayerSpec) -> bool:
    """Mark a type that overwrites values before it reads them."""
    return False


def of_one_blob(layer: LayerSpec) -> bool:
    """Mark a type that joins or splits blobs: with only one it does nothing."""
    return len(layer.bottoms) == len(layer.tops) == 1


def layer(*types: str, in_place: InPlace = always) -> Callable[[Converter], Converter]:
    """Register a function as the converter of these types.

    Parameters
    ----------
    *types : str
        The types as a prototxt has them.
    in_place : callable
        Whether Caffe computes a layer of them rightly in place: `always`, `never`, or what tells.
    """

    def register(converter: Converter) -> Converter:
        _CONVERTERS.update(dict.fromkeys(types, converter))
        _IN_PLACE.update(dict.fromkeys(types, in_place))
        return converter

    return register


def converter_of(kind: str) -> Converter:
    """Return the function that converts layers of a type; for an unknown one, one that refuses."""
    return _CONVERTERS.get(kind, _unknown)


def in_place_of(kind: str) -> InPlace:
    """Return what tells whether Caffe computes a layer of a type rightly in place."""
    return _IN_PLACE.get(kind, always)


def is_own(kind: str) -> bool:
    """Return whether cortado itself, and no module of the user's, converts layers of a type."""
    return converter_of(kind).__module__.startswith(_OWN)


def _unknown(context: Context) -> Blob:
    raise context.unsupported(f"layers of type {context.layer.type!r} cannot be converted")
