"""Texts that several commands share: layers passed over, epochs, units, tensors."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx_ir as ir

    from cortado.inspect.activity import LayerActivity
    from cortado.model.layers.prunable import Skipped
    from cortado.retrain import Retrained

__all__ = [
    "activity_reports",
    "epoch_reports",
    "skipped_lines",
    "skipped_reports",
    "value_reports",
]


def skipped_lines(skipped: "Sequence[Skipped]", missing: str = "prunable") -> list[str]:
    """Return a line for each node that was passed over: what it is not, ``prunable``, and why."""
    return [f"not {missing}: {node.name} ({node.op_type}): {node.reason}" for node in skipped]


def skipped_reports(skipped: "Sequence[Skipped]") -> list[dict[str, str]]:
    """Return the same as `json` can write it."""
    return [{"name": node.name, "op_type": node.op_type, "reason": node.reason} for node in skipped]


def epoch_reports(retrained: "Retrained") -> list[dict[str, float]]:
    """Return what each epoch of a training gave, counted from 1; figures have the metric's name."""
    metric = retrained.metric
    return [
        {
            "epoch": epoch.number + 1,
            "train_loss": epoch.train.loss,
            f"train_{metric}": epoch.train.value,
            "val_loss": epoch.val.loss,
            f"val_{metric}": epoch.val.value,
        }
        for epoch in retrained.epochs
    ]


def activity_reports(layers: "Iterable[LayerActivity]") -> list[dict[str, Any]]:
    """Return how many units of each layer are active."""
    return [
        {
            "name": layer.name,
            "units": layer.units,
            "active_mean": layer.mean,
            "active_least": layer.least,
            "active_most": layer.most,
            "never_active": layer.never,
        }
        for layer in layers
    ]


def value_reports(values: "Iterable[ir.Value]") -> list[dict[str, Any]]:
    """Return name, type and shape of inputs, outputs or initializers; null is not known."""
    return [
        {
            "name": value.name,
            "dtype": None if value.dtype is None else str(value.dtype),
            "shape": None if value.shape is None else [_size(size) for size in value.shape],
        }
        for value in values
    ]


def _size(size: "int | ir.SymbolicDim") -> int | str | None:
    return size if isinstance(size, int) else size.value
