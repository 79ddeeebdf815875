"""Data sets and plans as the commands use them."""

from dataclasses import replace

import onnx_ir as ir

from cortado import files
from cortado.data import Dataset, Feed, open_data, read_unlabelled, subset
from cortado.data.splits import SplitName
from cortado.plan import Plan, parse_plan
from cortado.sensitivity import Images

__all__ = ["open_for", "open_measured", "open_training_data", "read_plan"]


def open_for(model: ir.Model, spec: str) -> Dataset:
    """Open ``--data`` for a model, which says how image files are decoded."""
    return open_data(spec, Feed.of(model).form)


def open_training_data(model: ir.Model, spec: str, samples: int | None) -> Dataset:
    """Open ``--data`` for a model; ``--samples`` limits the training part."""
    dataset = open_for(model, spec)
    return replace(dataset, train=subset(dataset.train, samples))


def open_measured(
    model: ir.Model, spec: str, split: SplitName, samples: int | None, head: str | None
) -> Images:
    """Open a part of ``--data`` to measure changed models on; ``--samples`` limits it.

    A file of images without labels has no parts: all of it is taken.
    """
    name = spec.rstrip("/").rpartition("/")[2]
    unlabelled = read_unlabelled(spec)
    if unlabelled is not None:
        return Images(subset(unlabelled, samples), 0, head, name, "all", labelled=False)
    dataset = open_for(model, spec)
    chosen = subset(dataset.split(split), samples)
    return Images(chosen, dataset.classes, head, name, split)


def read_plan(path: str) -> Plan:
    """Read ``--plan``."""
    return parse_plan(files.read(path), path)
