"""Which function converts which type of layer.

A function takes the layer's `Context` and returns what its tops are. To add a type, write one
in the module of its family:

    @layer("AbsVal")
    def _abs_val(context: Context) -> Blob:
        return context.unary("Abs")
"""

from collections.abc import Callable
from typing import TypeAlias

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.net import LayerSpec

__all__ = ["Converter", "converter_of", "layer"]

Converter: TypeAlias = Callable[[Context], Blob | tuple[Blob, ...]]

_CONVERTERS: dict[str, Converter] = {}


def layer(*types: str) -> Callable[[Converter], Converter]:
    """Register a function as the converter of these types."""

    def register(converter: Converter) -> Converter:
        _CONVERTERS.update(dict.fromkeys(types, converter))
        return converter

    return register


def converter_of(spec: LayerSpec) -> Converter:
    """Return the function that converts a layer; refuse a type that nobody registered."""
    if spec.type not in _CONVERTERS:
        raise spec.refuse(f"layers of type {spec.type!r} cannot be converted")
    return _CONVERTERS[spec.type]
