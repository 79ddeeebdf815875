"""The one way in which a Caffe net can mean something that a graph cannot say.

The tops of Flatten, Reshape and Split, and of a Concat or Slice that has only one blob to join
or part, are other views of their bottom's memory. A layer that then works in place on the view
changes the bottom as well, for whoever reads it later. Graphs have no memory: such a reader
gets the unchanged values. It is most likely a mistake in the net, so the user hears of it.

Source: BVLC/caffe flatten_layer.cpp, reshape_layer.cpp, split_layer.cpp (ShareData).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cortado.caffe.net import LayerSpec

__all__ = ["Overwritten", "overwritten_views"]

_VIEWS = frozenset({"Flatten", "Reshape", "Split"})
_VIEWS_OF_ONE = frozenset({"Concat", "Slice"})


@dataclass
class Overwritten:
    """Which blobs hold other values than those that their layers gave them.

    Attributes
    ----------
    notes : list of str
        A line for each layer that reads such a blob, and for each output that is one.
    blobs : dict of str to LayerSpec
        Every such blob, and the layer that overwrote it.
    """

    notes: list[str] = field(default_factory=list)
    blobs: dict[str, LayerSpec] = field(default_factory=dict)


def overwritten_views(layers: Sequence[LayerSpec], outputs: Sequence[str]) -> Overwritten:
    """Return what is read, or given out, after another layer has overwritten it."""
    found = Overwritten()
    memory: dict[str, str] = {}  # blob → the first blob that was in its memory
    for layer in layers:
        for blob in dict.fromkeys(layer.bottoms):
            if blob in found.blobs:
                found.notes.append(_note(f"layer {layer.name!r} ({layer.type}) reads", blob, found))
        if _is_view(layer):
            memory.update(
                (top, memory.get(layer.bottoms[0], layer.bottoms[0])) for top in layer.tops
            )
            continue
        for old, new in layer.in_place:
            place = memory.get(old, old)
            sharers = [place, *(blob for blob, owner in memory.items() if owner == place)]
            if not _keeps_values(layer):
                found.blobs.update((blob, layer) for blob in sharers if blob != old)
            memory[new] = place
    found.notes += [_note("the net outputs", top, found) for top in outputs if top in found.blobs]
    return found


def _note(who: str, blob: str, found: Overwritten) -> str:
    return (
        f"{who} {blob!r}, which in Caffe layer {found.blobs[blob].name!r} has overwritten by "
        "then; here it has the old values"
    )


def _keeps_values(layer: LayerSpec) -> bool:
    """Return whether a layer in place leaves its blob as it is, as Dropout does in use."""
    param = layer.message.message("dropout_param")
    return layer.type == "Dropout" and param.flag("scale_train", default=True)


def _is_view(layer: LayerSpec) -> bool:
    if not layer.bottoms or layer.type not in _VIEWS | _VIEWS_OF_ONE:
        return False
    return layer.type in _VIEWS or len(layer.bottoms) == len(layer.tops) == 1
