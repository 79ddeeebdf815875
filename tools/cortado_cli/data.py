"""Data sets as the commands use them."""

from dataclasses import replace

import onnx_ir as ir

from cortado.data import Dataset, Feed, open_data, subset

__all__ = ["open_for", "open_training_data"]


def open_for(model: ir.Model, spec: str) -> Dataset:
    """Open ``--data`` for a model, which says how image files are decoded."""
    return open_data(spec, Feed.of(model).form)


def open_training_data(model: ir.Model, spec: str, samples: int | None) -> Dataset:
    """Open ``--data`` for a model; ``--samples`` limits the training part."""
    dataset = open_for(model, spec)
    if samples is None:
        return dataset
    return replace(dataset, train=subset(dataset.train, samples))
