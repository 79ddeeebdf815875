"""Which function converts which type of layer.

A function takes the layer's `Context` and returns what its tops are. To add a type, write one
in the module of its family, or in a module of your own that is imported before the net:

    @layer("AbsVal")
    def _abs_val(context: Context) -> Blob:
        return context.unary("Abs")

The last function that is registered for a type converts it.
"""

from collections.abc import Callable
from typing import TypeAlias

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob

__all__ = ["Converter", "converter_of", "is_own", "layer"]

Converter: TypeAlias = Callable[[Context], Blob | tuple[Blob, ...]]

_CONVERTERS: dict[str, Converter] = {}
_OWN = f"{__name__.partition('.')[0]}."


def layer(*types: str) -> Callable[[Converter], Converter]:
    """Register a function as the converter of these types."""

    def register(converter: Converter) -> Converter:
        _CONVERTERS.update(dict.fromkeys(types, converter))
        return converter

    return register


def converter_of(kind: str) -> Converter:
    """Return the function that converts layers of a type; for an unknown one, one that refuses."""
    return _CONVERTERS.get(kind, _unknown)


def is_own(kind: str) -> bool:
    """Tell whether cortado itself, and no module of the user's, converts layers of a type."""
    return converter_of(kind).__module__.startswith(_OWN)


def _unknown(context: Context) -> Blob:
    raise context.unsupported(f"layers of type {context.layer.type!r} cannot be converted")
