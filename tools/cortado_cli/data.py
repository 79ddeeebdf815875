"""Data sets and plans as the commands use them."""

from dataclasses import replace

from cortado import files
from cortado.data import Dataset, open_data, subset
from cortado.data.splits import SplitName
from cortado.plan import Plan, parse_plan
from cortado.sensitivity import Images

__all__ = ["open_images", "open_training_data", "read_plan"]


def open_training_data(spec: str, samples: int | None) -> Dataset:
    """Open ``--data``; ``--samples`` limits the training part."""
    dataset = open_data(spec)
    if samples is None:
        return dataset
    return replace(dataset, train=subset(dataset.train, samples))


def open_images(
    spec: str, split: SplitName, samples: int | None, head: str | None, *, labelled: bool = True
) -> Images:
    """Open a part of ``--data`` to measure changed models on; ``--samples`` limits it."""
    dataset = open_data(spec)
    chosen = dataset.split(split)
    if samples is not None:
        chosen = subset(chosen, samples)
    name = spec.rstrip("/").rpartition("/")[2]
    return Images(chosen, dataset.classes, head, name, split, labelled)


def read_plan(path: str) -> Plan:
    """Read ``--plan``."""
    return parse_plan(files.read(path), path)
