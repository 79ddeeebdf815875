"""Data sets and plans as the commands use them."""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from cortado import files
from cortado.data import ArraySamples, Dataset, Feed, open_data, read_unlabelled, subset
from cortado.data.splits import SplitName, from_whole
from cortado.errors import UsageError
from cortado.plan import Judge, Plan, parse_plan
from cortado.runtime import Runtime
from cortado.sensitivity import Images
from cortado.task.outputs import check_classifying
from cortado_cli.options import refuse_without

__all__ = [
    "Opened",
    "open_compressed",
    "open_for",
    "open_measured",
    "open_training_data",
    "read_plan",
]


@dataclass(frozen=True)
class Opened:
    """A data set; without labels of its own, its labels are what the dense model chooses."""

    data: Dataset
    labelled: bool


def open_for(model: ir.Model, spec: str) -> Dataset:
    """Open ``--data`` for a model, which says how image files are decoded."""
    return open_data(spec, Feed.of(model).form)


def open_training_data(model: ir.Model, spec: str, samples: int | None) -> Dataset:
    """Open ``--data`` for a model; ``--samples`` limits the training part."""
    dataset = open_for(model, spec)
    return replace(dataset, train=subset(dataset.train, samples))


def open_compressed(
    model: ir.Model,
    spec: str,
    samples: int | None,
    head: str | None,
    *,
    runtime: Runtime,
    train: bool,
) -> Opened:
    """Open ``--data`` of a compression: as training data, or as images without labels."""
    unlabelled = read_unlabelled(spec)
    if unlabelled is None:
        return Opened(open_training_data(model, spec, samples), labelled=True)
    if train:
        raise UsageError(f"the images of {spec} have no labels: --no-train does without them")
    labels = Judge(model, Images(unlabelled, 0, head, labelled=False), runtime).labels
    everything = np.arange(len(unlabelled))
    dataset = from_whole(ArraySamples(unlabelled.take(everything).pixels, labels))
    if samples is not None:
        dataset = replace(dataset, train=subset(dataset.train, samples))
    return Opened(dataset, labelled=False)


def open_measured(
    model: ir.Model, spec: str, split: SplitName, samples: int | None, head: str | None
) -> Images:
    """Open a part of ``--data`` to measure changed models on; ``--samples`` limits it.

    A file of images without labels has no parts: all of it is taken.
    """
    check_classifying(model, head, "a sweep or plan")
    name = spec.rstrip("/").rpartition("/")[2]
    unlabelled = read_unlabelled(spec)
    if unlabelled is not None:
        refuse_without("images with labels", ["split"])
        return Images(subset(unlabelled, samples), 0, head, name, "all", labelled=False)
    dataset = open_for(model, spec)
    chosen = subset(dataset.split(split), samples)
    return Images(chosen, dataset.classes, head, name, split)


def read_plan(path: str) -> Plan:
    """Read ``--plan``."""
    return parse_plan(files.read(path), path)
