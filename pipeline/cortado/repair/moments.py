"""Second moments of the rows of a regression: all that least squares need to know of them.

With x extended by a constant 1, whose weight is the bias,

    H = 1/n Σ x xᵀ  of shape (groups, k + 1, k + 1)
    G = 1/n Σ y xᵀ  of shape (outputs, k + 1)

multiplied in float32, a few batches at once, and summed up in float64.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cortado.model.typing import FloatArray, IntArray

__all__ = ["Moments", "measure_moments"]

_MOST_ELEMENTS = 2**24  # of the rows of the groups that are summed at once


@dataclass(frozen=True)
class Moments:
    """H and G, as the module describes them."""

    inputs: FloatArray
    cross: FloatArray

    @property
    def group(self) -> IntArray:
        """The group of each output, of shape (outputs,)."""
        groups, outputs = len(self.inputs), len(self.cross)
        return np.repeat(np.arange(groups), outputs // groups)

    @property
    def spread(self) -> FloatArray:
        """The mean variance of the inputs of each group, of shape (groups,)."""
        diagonal = np.diagonal(self.inputs, axis1=1, axis2=2)[:, :-1]
        variances = diagonal - np.square(self.inputs[:, :-1, -1])
        means: FloatArray = np.maximum(variances, 0).mean(axis=1)
        return means


def measure_moments(batches: Iterable[tuple[FloatArray, FloatArray]]) -> Moments:
    """Return the moments of rows x (n, groups, k) and y (n, outputs), given in batches."""
    count = 0
    inputs: FloatArray = np.zeros((), np.float64)
    cross: FloatArray = np.zeros((), np.float64)
    for x, y in _stacked(batches):
        squares, product = _sums(x, y.reshape(len(y), x.shape[1], -1))
        inputs = np.add(inputs, squares, out=inputs) if count else squares.astype(np.float64)
        cross = cross + product.transpose(0, 2, 1).reshape(y.shape[1], -1)
        count += len(x)
    return Moments(np.divide(inputs, count, out=inputs), cross / count)


def _sums(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Σ x xᵀ and Σ x yᵀ of x (n, groups, k), with a 1 behind each row, and y (n, groups, m).

    The ones take a copy of x: it is made for some groups at a time.
    """
    block = max(1, _MOST_ELEMENTS // max(1, len(x) * (x.shape[2] + 1)))
    squares, products = list[FloatArray](), list[FloatArray]()
    for first in range(0, x.shape[1], block):
        part = x[:, first : first + block]
        ones = np.ones((*part.shape[:2], 1), x.dtype)
        by_group = np.concatenate([part, ones], axis=2).transpose(1, 2, 0)  # (groups, k + 1, n)
        products.append(by_group @ y[:, first : first + block].transpose(1, 0, 2))
        squares.append(by_group @ by_group.transpose(0, 2, 1))
    return _together(squares), _together(products)


def _together(blocks: Sequence[FloatArray]) -> FloatArray:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _stacked(
    batches: Iterable[tuple[FloatArray, FloatArray]],
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield batches together, until they have a row for each input.

    For fewer rows it would take longer to sum up H than to multiply them.
    """
    waiting: list[tuple[FloatArray, FloatArray]] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(x) for x, _ in waiting) >= batch[0].shape[2]:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    if len(batches) == 1:
        return batches[0]
    inputs, outputs = zip(*batches, strict=True)
    return np.concatenate(inputs), np.concatenate(outputs)
