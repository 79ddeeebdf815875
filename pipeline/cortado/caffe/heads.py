"""Losses and metrics, which a deployed net has no use for, and what takes their place.

    SoftmaxWithLoss            a Softmax of its scores becomes an output
    SigmoidCrossEntropyLoss    a Sigmoid of its scores becomes an output
    InfogainLoss               dropped, but for its second top: the Softmax that it scores
    other losses, Accuracy     dropped; what they score becomes an output unless others read it
    DetectionOutput            dropped, unless it shall be decoded; all of its bottoms
                               (locations, confidences, priors) become outputs
    Silence, HDF5Output        dropped, and so is what reads the top of a layer that is dropped

Where the user says at which blobs to cut, these are the outputs instead.

Whatever then leads to no output, such as the labels, is dropped too. All of it is noted for the
user, and `criteria` tells what evaluation and training need to know of BVLC's losses and metrics.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cortado.caffe.criteria import read_criterion
from cortado.caffe.inputs import DATA_TYPES
from cortado.caffe.message import Field, Message, Scalar
from cortado.caffe.net import LayerSpec, Net
from cortado.caffe.options import CaffeOptions
from cortado.errors import CortadoError, UsageError, unknown_name
from cortado.task.criteria import Criterion
from cortado.task.cut import cut_note

__all__ = ["Deployed", "deploy"]

_ACTIVATIONS = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
_DROPPED = frozenset(
    {"Accuracy", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss"}
    | {"MultinomialLogisticLoss"}
    | {"DetectionEvaluate", "MultiBoxLoss", "SmoothL1Loss"}  # of the SSD fork
)
_DETECTIONS = "DetectionOutput"
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
    dropped : tuple of LayerSpec
        The layers that `net` lacks.
    """

    net: Net
    notes: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    dropped: tuple[LayerSpec, ...]


def deploy(net: Net, options: CaffeOptions = CaffeOptions()) -> Deployed:
    """Return the net as one would deploy it, with the outputs that the user wants.

    Raises
    ------
    CortadoError
        If nothing is left that could be an output.
    UsageError
        If the net has no blob to cut at, or it is an input.
    """
    net = replace(net, layers=tuple(_with_probabilities(net.layers)))
    walk = _Walk(net, options)
    for layer in net.layers:
        walk.take(layer)
    outputs = walk.cut(options.cut_at) if options.cut_at else walk.outputs()
    kept, unused = _reaching(walk.layers, outputs)
    ordered = tuple(sorted(outputs, key=str.encode))
    if options.cut_at:
        ordered = tuple(dict.fromkeys(options.cut_at))
        notes = [cut_note(ordered, len(net.layers) - len(kept), "layer")]
    else:
        notes = walk.notes + [f"dropped {what}, which leads to no output" for what in unused]
    computed = {top for layer in kept for top in layer.tops}
    criteria = tuple(each for each in walk.criteria if each.scores in computed)
    names = {layer.name for layer in kept}
    dropped = tuple(layer for layer in net.layers if layer.name not in names)
    return Deployed(replace(net, layers=kept, outputs=ordered), tuple(notes), criteria, dropped)


class _Walk:
    """The rest of a net, while its layers are taken in file order."""

    def __init__(self, net: Net, options: CaffeOptions) -> None:
        self.layers: list[LayerSpec] = []
        self.notes: list[str] = []
        self.criteria: list[Criterion] = []
        self._net = net
        self._decode = options.detections == "decode"
        self._fed = {top for layer in net.layers if layer.type in DATA_TYPES for top in layer.tops}
        read = {blob for layer in net.layers if not _is_head(layer) for blob in layer.bottoms}
        self._labels = self._fed - read
        self._label = ""  # the first that a head compares with: data have one label an image
        self._taken = {top for layer in net.layers for top in layer.tops}
        self._wanted: set[str] = set()  # outputs, whoever reads them
        self._scored: set[str] = set()  # outputs, unless others read them
        self._gone: dict[str, str] = {}  # what is no longer computed, and what it was

    def take(self, layer: LayerSpec) -> None:
        """Keep a layer, drop it, or put another in its place."""
        lost = next((self._gone[blob] for blob in layer.bottoms if blob in self._gone), "")
        if layer.type in _SINKS:
            self._drop(layer, "")
        elif lost:
            self._drop(layer, f", which reads {lost}", lost)
        elif layer.type == _DETECTIONS and not self._decode:
            self._wanted.update(layer.bottoms)
            settings = _flat(layer.message.message("detection_output_param"))
            self._drop(
                layer, f"; its bottoms are outputs, for you to decode: {settings}", "detections"
            )
        elif _is_head(layer):
            scores = _scores(layer, self._fed)
            fitting = (blob for blob in layer.bottoms[1:] if blob in self._labels)
            self._label = self._label or next(fitting, "")
            criteria = read_criterion(layer, self._label)
            self.criteria += criteria
            self._scored.update(scores)
            kept = "; remembered for evaluate and retrain" if criteria else ""
            self._drop(layer, f", which scores {' and '.join(map(repr, scores))}{kept}")
            if layer.type in _ACTIVATIONS:
                activation = _activation(layer, scores[0], self._taken)
                self.layers.append(activation)
                self._gone.pop(activation.tops[0], None)
        else:
            self.layers.append(layer)

    def outputs(self) -> set[str]:
        """Return the blobs that nobody reads, and those that were scored or detected."""
        read = {blob for layer in self.layers for blob in layer.bottoms}
        written = {top for layer in self.layers for top in layer.tops}
        own = {top for top in written if top in self._net.outputs}
        outputs = own | self._wanted | self._activations() | (self._scored - read)
        if not outputs - self._fed:
            raise CortadoError("the net has no output: every blob is read, or is an input")
        return outputs - self._fed

    def cut(self, blobs: Sequence[str]) -> set[str]:
        """Return the blobs to cut at."""
        for blob in blobs:
            if blob in self._fed:
                raise UsageError(f"cannot cut at {blob!r}, which is an input of the net")
            known = [top for layer in self.layers for top in layer.tops if top not in self._fed]
            if blob not in known:
                raise unknown_name("the net has no blob", blob, known)
        return set(blobs)

    def _activations(self) -> set[str]:
        return {
            layer.tops[0] for layer in self.layers if layer.message.text("type") in _ACTIVATIONS
        }

    def _drop(self, layer: LayerSpec, why: str, what: str = "a loss") -> None:
        self._gone.update(dict.fromkeys(layer.tops, what))
        self.notes.append(f"dropped layer {layer.name!r} ({layer.type}){why}")


def _is_head(layer: LayerSpec) -> bool:
    return layer.type in _ACTIVATIONS or layer.type in _DROPPED


def _with_probabilities(layers: Iterable[LayerSpec]) -> Iterator[LayerSpec]:
    """Make the second top of an InfogainLoss, a Softmax along the loss's axis, a layer."""
    for layer in layers:
        if layer.type == "InfogainLoss" and len(layer.tops) == 2:
            axes = layer.message.message("infogain_loss_param").every("axis")
            param = Field("softmax_param", Message(axes, layer.line), layer.line)
            yield replace(
                layer,
                name=f"{layer.name}/softmax",
                type="Softmax",
                bottoms=layer.bottoms[:1],
                tops=layer.tops[1:],
                params=(),
                message=Message((param,), layer.line),
            )
            layer = replace(layer, tops=layer.tops[:1])
        yield layer


def _flat(message: Message) -> str:
    """Return the fields of a message in one line."""
    return " ".join(
        f"{field.name}: {field.value.text}"
        if isinstance(field.value, Scalar)
        else f"{field.name} {{ {_flat(field.value)} }}"
        for field in message.fields
    )


def _scores(layer: LayerSpec, fed: set[str]) -> tuple[str, ...]:
    """Return the blobs that a head scores: the first that is computed; MultiBoxLoss scores all."""
    if not layer.bottoms:
        raise layer.refuse("it has no bottom")
    computed = tuple(blob for blob in layer.bottoms if blob not in fed) or layer.bottoms
    return computed if layer.type == "MultiBoxLoss" else computed[:1]


def _activation(layer: LayerSpec, scores: str, taken: set[str]) -> LayerSpec:
    name = layer.tops[1] if len(layer.tops) > 1 else "prob"
    if name in taken and name not in layer.tops:
        name = f"{layer.name}/{name}"
    taken.add(name)
    kind = _ACTIVATIONS[layer.type]
    return replace(layer, type=kind, bottoms=(scores,), tops=(name,), params=())


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
