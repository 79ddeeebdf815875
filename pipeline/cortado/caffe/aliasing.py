"""The one way in which a Caffe net can mean something that a graph cannot say.

The tops of Flatten, Reshape and Split, and of a Concat or Slice that has only one blob to join
or part, are other views of their bottom's memory. A layer that then works in place on the view
changes the bottom as well, for whoever reads it later. Graphs have no memory: such a reader
gets the unchanged values. It is most likely a mistake in the net, so the user hears of it.

Source: BVLC/caffe flatten_layer.cpp, reshape_layer.cpp, split_layer.cpp (ShareData).
"""

from collections.abc import Iterator, Sequence

from cortado.caffe.net import LayerSpec

__all__ = ["overwritten_views"]

_VIEWS = frozenset({"Flatten", "Reshape", "Split"})
_VIEWS_OF_ONE = frozenset({"Concat", "Slice"})


def overwritten_views(layers: Sequence[LayerSpec]) -> Iterator[str]:
    """Yield a note for each layer that reads what Caffe has overwritten by then."""
    memory: dict[str, str] = {}  # blob → the first blob that was in its memory
    stale: dict[str, LayerSpec] = {}  # blob → the layer that overwrote it
    for layer in layers:
        for blob in layer.bottoms:
            if blob in stale:
                yield (
                    f"layer {layer.name!r} ({layer.type}) reads {blob!r}, which in Caffe layer "
                    f"{stale[blob].name!r} has overwritten by then; here it reads the old values"
                )
        if _is_view(layer):
            memory.update(
                (top, memory.get(layer.bottoms[0], layer.bottoms[0])) for top in layer.tops
            )
        elif _is_in_place(layer):
            old = layer.bottoms[0]
            place = memory.get(old, old)
            sharers = [place, *(blob for blob, owner in memory.items() if owner == place)]
            stale.update((blob, layer) for blob in sharers if blob != old)
            memory[layer.tops[0]] = place


def _is_view(layer: LayerSpec) -> bool:
    if not layer.bottoms or layer.type not in _VIEWS | _VIEWS_OF_ONE:
        return False
    return layer.type in _VIEWS or len(layer.bottoms) == len(layer.tops) == 1


def _is_in_place(layer: LayerSpec) -> bool:
    # The names of versions differ by now; those in the prototxt are in the message.
    tops, bottoms = layer.message.texts("top"), layer.message.texts("bottom")
    return tops[:1] == bottoms[:1] != ()
