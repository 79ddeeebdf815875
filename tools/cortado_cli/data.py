"""Data sets as the commands use them."""

from dataclasses import replace

from cortado.data import Dataset, open_data, subset

__all__ = ["open_training_data"]


def open_training_data(spec: str, samples: int | None) -> Dataset:
    """Open ``--data``; ``--samples`` limits the training part."""
    dataset = open_data(spec)
    if samples is None:
        return dataset
    return replace(dataset, train=subset(dataset.train, samples))
