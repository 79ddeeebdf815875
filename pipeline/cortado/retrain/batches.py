"""Batches for training: shuffled, and shifted at random."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cortado.data import Samples
from cortado.model.typing import FloatArray

__all__ = ["epoch_batches", "shift_images", "to_tensor"]


def epoch_batches(
    samples: Samples, size: int, shift: int, generator: np.random.Generator
) -> Iterator[tuple[FloatArray, Tensor]]:
    """Yield every image once, in random order, as pixels (n, …) and a tensor of labels (n,).

    Parameters
    ----------
    samples : Samples
        The training images.
    size : int
        Images a batch; a last, smaller batch is dropped unless it is the only one.
    shift : int
        Largest shift in pixels; needs images of shape (channels, height, width).
    generator : numpy.random.Generator
        Decides on order and shifts.
    """
    order = generator.permutation(len(samples))
    for begin in range(0, max(len(order) - size, 0) + 1, size):
        pixels, labels = samples.take(order[begin : begin + size])
        if shift and pixels.ndim == 4:
            pixels = shift_images(pixels, shift, generator)
        yield pixels, torch.from_numpy(labels)


def shift_images(pixels: FloatArray, most: int, generator: np.random.Generator) -> FloatArray:
    """Move each image (n, channels, h, w) by up to `most` pixels each way; zeros fill the rim."""
    height, width = pixels.shape[2:]
    padded = np.pad(pixels, ((0, 0), (0, 0), (most, most), (most, most)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    down, right = generator.integers(0, 2 * most + 1, (2, len(pixels)))
    return windows[np.arange(len(pixels)), :, down, right]


def to_tensor(inputs: FloatArray, device: torch.device) -> Tensor:
    """Return the input of a model on a device, channels last where it is images."""
    tensor = torch.from_numpy(inputs).to(device)
    return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
