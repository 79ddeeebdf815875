"""Layers that Caffe cannot run in place, because they overwrite what they have still to read.

They either stop Caffe, or make it read what it has just written: its result is then none that the
net's author can have meant. Which they are, each type says where its conversion is registered, in
`layers`.

Source: BVLC/caffe, Forward_cpu of each layer.
"""

from collections.abc import Sequence

from cortado.caffe.layers import in_place_of
from cortado.caffe.net import LayerSpec

__all__ = ["check_in_place"]


def check_in_place(layers: Sequence[LayerSpec]) -> None:
    """Raise `CortadoError` at a layer that works in place, but whose type can't."""
    for layer in layers:
        if layer.in_place and not in_place_of(layer.type)(layer):
            raise layer.refuse("its top is its bottom, but Caffe cannot compute it in place")
