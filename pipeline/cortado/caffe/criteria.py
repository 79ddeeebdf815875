"""A loss or metric layer of a net → the criterion that the model remembers.

What compares scores with anything but one label an image (another blob, a matrix, pairs) is
recorded with the reason why it cannot be computed.

Source: BVLC/caffe loss_layer.cpp, softmax_loss_layer.cpp, sigmoid_cross_entropy_loss_layer.cpp,
accuracy_layer.cpp, hinge_loss_layer.cpp; layer.hpp for loss_weight.
"""

from typing import get_args

from cortado.caffe.message import Message
from cortado.caffe.net import LayerSpec
from cortado.task.criteria import Criterion, Kind, Normalization

__all__ = ["read_criterion"]

_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
_NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)  # in the enum's order
_IGNORING = {"SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "InfogainLoss"}
_PARAMS = {"SoftmaxWithLoss": "softmax_param", "Accuracy": "accuracy_param"}
_REASONS = {
    "InfogainLoss": "it needs the matrix of its infogain_loss_param",
    "ContrastiveLoss": "it compares pairs of images",
}


def read_criterion(layer: LayerSpec, label: str) -> list[Criterion]:
    """Return the criterion of a layer in a list, which is empty for types other than BVLC's.

    Parameters
    ----------
    layer : LayerSpec
        A layer of losses or metrics.
    label : str
        The blob that holds the label of each image.
    """
    if layer.type not in _KINDS or not layer.bottoms:
        return []
    loss, accuracy = layer.message.message("loss_param"), layer.message.message("accuracy_param")
    holder = accuracy if layer.type == "Accuracy" else loss
    ignores = holder.has("ignore_label") and (layer.type in _IGNORING or layer.type == "Accuracy")
    norm = layer.message.message("hinge_loss_param").choice("norm", ("", "L1", "L2"), "L1")
    criterion = Criterion(
        name=layer.name,
        kind=_KINDS[layer.type],
        scores=layer.bottoms[0],
        weight=(*layer.message.numbers("loss_weight"), 0.0 if layer.type == "Accuracy" else 1.0)[0],
        ignore=holder.integer("ignore_label", 0) if ignores else None,
        normalization=_normalization(layer.type, loss),
        top_k=accuracy.integer("top_k", 1, minimum=1),
        norm="L2" if norm == "L2" else "L1",
        refusal=_refusal(layer, label),
    )
    return [criterion]


def _normalization(kind: str, loss: Message) -> Normalization:
    if kind not in _IGNORING:
        return "BATCH_SIZE"
    default = "BATCH_SIZE" if kind == "SigmoidCrossEntropyLoss" else "VALID"
    if loss.has("normalize") and not loss.has("normalization"):
        default = "VALID" if loss.flag("normalize", default=True) else "BATCH_SIZE"
    name = loss.choice("normalization", _NORMALIZATIONS, default)
    return next(known for known in _NORMALIZATIONS if known == name)


def _refusal(layer: LayerSpec, label: str) -> str:
    if layer.type in _REASONS:
        return _REASONS[layer.type]
    if len(layer.bottoms) != 2 or layer.bottoms[1] != label:
        return f"it compares {' with '.join(map(repr, layer.bottoms))}, not with the label"
    param = layer.message.message(_PARAMS.get(layer.type, ""))
    if param.integer("axis", 1) not in (1, -1):
        return f"its classes are on axis {param.integer('axis', 1)}"
    return ""
