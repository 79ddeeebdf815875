"""Batches for training: shuffled, and shifted at random.

A batch holds samples alike. Where all are, the last, smaller batch is dropped unless it is the only
one. Where samples differ in shape, each kind is shuffled, and so is the order of the batches; all
are kept, as a kind may have few samples.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from cortado.data import IMAGE, Batch, Samples
from cortado.model.typing import Array, FloatArray, IntArray

__all__ = ["count_batches", "epoch_batches", "shift_images", "to_tensors"]


def epoch_batches(
    samples: Samples,
    size: int,
    shift: int,
    generator: np.random.Generator,
    image: str | None = IMAGE,
) -> Iterator[Batch]:
    """Yield every sample once, in random order.

    Parameters
    ----------
    samples : Samples
        The training samples.
    size : int
        Samples a batch.
    shift : int
        Largest shift in pixels; needs images of shape (channels, height, width).
    generator : numpy.random.Generator
        Decides on order and shifts.
    image : str or None
        The input that holds images.
    """
    for chosen in _shuffled(samples, size, generator):
        batch = samples.take(chosen)
        pixels = None if image is None else batch.inputs.get(image)
        if shift and image is not None and pixels is not None and pixels.ndim == 4:
            moved = shift_images(pixels, shift, generator)
            batch = batch._replace(inputs={**batch.inputs, image: moved})
        yield batch


def count_batches(samples: Samples, size: int) -> int:
    """Return how many batches `epoch_batches` yields."""
    if samples.alike is None:
        return max(1, len(samples) // size)
    _, counts = np.unique(samples.alike, return_counts=True)
    return int((-(-counts // size)).sum())


def _shuffled(samples: Samples, size: int, generator: np.random.Generator) -> Iterator[IntArray]:
    """Yield the indices of each batch."""
    order, alike = generator.permutation(len(samples)), samples.alike
    if alike is None:
        for begin in range(0, max(len(order) - size, 0) + 1, size):
            yield order[begin : begin + size]
        return
    groups = [order[alike[order] == kind] for kind in np.unique(alike)]
    batches = [g[begin : begin + size] for g in groups for begin in range(0, len(g), size)]
    for place in generator.permutation(len(batches)):
        yield batches[place]


def shift_images(pixels: FloatArray, most: int, generator: np.random.Generator) -> FloatArray:
    """Move each image (n, channels, h, w) by up to `most` pixels each way; zeros fill the rim."""
    height, width = pixels.shape[2:]
    padded = np.pad(pixels, ((0, 0), (0, 0), (most, most), (most, most)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    down, right = generator.integers(0, 2 * most + 1, (2, len(pixels)))
    return windows[np.arange(len(pixels)), :, down, right]


def to_tensors(inputs: Mapping[str, Array], device: torch.device) -> list[Tensor]:
    """Return the inputs of a model on a device, in their order, channels last where of images."""
    return [_to_tensor(array, device) for array in inputs.values()]


def _to_tensor(array: Array, device: torch.device) -> Tensor:
    if array.dtype.kind not in "biuf":
        array = array.astype(np.float32)  # of a type that numpy has not
    tensor = torch.from_numpy(array).to(device)
    return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
