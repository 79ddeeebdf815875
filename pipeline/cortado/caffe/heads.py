"""Losses and metrics, which a deployed net has no use for, and what takes their place.

    SoftmaxWithLoss            a Softmax of its scores becomes an output
    SigmoidCrossEntropyLoss    a Sigmoid of its scores becomes an output
    other losses, Accuracy     dropped; what they score becomes an output unless others read it
    Silence, HDF5Output        dropped

Whatever then leads to no output, such as the labels, is dropped too. All of it is noted for the
user, and `criteria` tells what evaluation and training need to know of BVLC's losses and metrics.
"""

from dataclasses import dataclass, replace

from cortado.caffe.criteria import read_criterion
from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.net import LayerSpec, Net
from cortado.errors import CortadoError
from cortado.model.criteria import Criterion

__all__ = ["Deployed", "deploy"]

_ACTIVATIONS = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
_DROPPED = frozenset(
    {"Accuracy", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss"}
    | {"MultinomialLogisticLoss"}
    | {"DetectionEvaluate", "MultiBoxLoss", "SmoothL1Loss"}  # of the SSD fork
)
_SINKS = frozenset({"Silence", "HDF5Output"})


@dataclass(frozen=True)
class Deployed:
    """A net without its losses and metrics.

    Attributes
    ----------
    net : Net
        The rest of the net.
    notes : tuple of str
        What was taken away, a line each.
    criteria : tuple of Criterion
        Losses and metrics; what they score is a blob of `net`.
    """

    net: Net
    notes: tuple[str, ...]
    criteria: tuple[Criterion, ...]


def deploy(net: Net) -> Deployed:
    """Return the net as one would deploy it."""
    fed = {top for layer in net.layers if layer.type in DATA_TYPES for top in layer.tops}
    taken = {top for layer in net.layers for top in layer.tops}
    labels = fed - {blob for x in net.layers if not _is_head(x) for blob in x.bottoms}
    layers: list[LayerSpec] = []
    scored: set[str] = set()
    criteria: list[Criterion] = []
    notes: list[str] = []
    for layer in net.layers:
        if layer.type in _SINKS:
            notes.append(f"dropped layer {layer.name!r} ({layer.type})")
        elif _is_head(layer):
            scores = _scores(layer, fed)
            scored.add(scores)
            criteria += read_criterion(layer, labels)
            notes.append(f"dropped layer {layer.name!r} ({layer.type}), which scores {scores!r}")
            if layer.type in _ACTIVATIONS:
                layers.append(_activation(layer, scores, taken))
        else:
            layers.append(layer)
    outputs = _outputs(net, layers, scored) - fed
    if not outputs:
        raise CortadoError("the net has no output: every blob is read, or is an input")
    kept, unused = _reaching(layers, outputs)
    notes += [f"dropped {what}, which leads to no output" for what in unused]
    ordered = tuple(sorted(outputs, key=str.encode))
    computed = {top for layer in kept for top in layer.tops}
    known = tuple(criterion for criterion in criteria if criterion.scores in computed)
    return Deployed(replace(net, layers=kept, outputs=ordered), tuple(notes), known)


def _is_head(layer: LayerSpec) -> bool:
    return layer.type in _ACTIVATIONS or layer.type in _DROPPED


def _scores(layer: LayerSpec, fed: set[str]) -> str:
    """Return the blob that a head scores: the first that is computed, not data."""
    if not layer.bottoms:
        raise layer.refuse("it has no bottom")
    return next((blob for blob in layer.bottoms if blob not in fed), layer.bottoms[0])


def _activation(layer: LayerSpec, scores: str, taken: set[str]) -> LayerSpec:
    name = layer.tops[1] if len(layer.tops) > 1 else "prob"
    if name in taken and name not in layer.tops:
        name = f"{layer.name}/{name}"
    taken.add(name)
    kind = _ACTIVATIONS[layer.type]
    return replace(layer, type=kind, bottoms=(scores,), tops=(name,), params=())


def _outputs(net: Net, layers: list[LayerSpec], scored: set[str]) -> set[str]:
    read = {blob for layer in layers for blob in layer.bottoms}
    activations = {layer.tops[0] for layer in layers if layer.message.text("type") in _ACTIVATIONS}
    own = {top for layer in layers for top in layer.tops if top in net.outputs}
    return own | activations | (scored - read)


def _reaching(
    layers: list[LayerSpec], outputs: set[str]
) -> tuple[tuple[LayerSpec, ...], list[str]]:
    """Return the layers that lead to an output, and what else there was."""
    needed = set(outputs)
    kept: list[LayerSpec] = []
    unused: list[str] = []
    for layer in reversed(layers):
        if layer.type in DATA_TYPES:
            unused += [f"input {top!r}" for top in layer.tops if top not in needed]
            layer = replace(layer, tops=tuple(top for top in layer.tops if top in needed))
        elif needed.isdisjoint(layer.tops):
            unused.append(f"layer {layer.name!r} ({layer.type})")
            continue
        needed.update(layer.bottoms)
        kept.append(layer)
    return tuple(reversed(kept)), unused[::-1]
