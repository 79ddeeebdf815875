"""Float32 weights → small integers k and steps s, so that w ≈ float32(k) · float32(s).

Zero is always k = 0. A layer whose weights lie on one uniform grid (`cortado.model.layers.grid`)
keeps them exactly, with one step. Any other is rounded, with a step for each group of weights:

int8    a group is a column of a matrix (in, out), or an output channel (out, in, kh, kw); s is
        the largest magnitude divided by 127, so that nothing is clipped
int4    a group is a block of 32 rows in one column; s is the one of least squared error among
        some that clip the largest weights a little
"""

from dataclasses import dataclass

import numpy as np

from cortado.model.layers.grid import LARGEST_INT4, LARGEST_INT8, find_step, round_to_grid
from cortado.model.typing import FloatArray, IntArray

__all__ = ["BLOCK", "Integers", "to_int4_blocks", "to_int8"]

BLOCK = 32
"""Rows of a block: the size that onnxruntime's MatMulNBits is fastest with."""

_SMALLEST = np.finfo(np.float32).tiny  # of the normal numbers
_CLIPPINGS = np.linspace(1, 0.7, 13, dtype=np.float32)


@dataclass(frozen=True)
class Integers:
    """Weights as integers.

    Attributes
    ----------
    k : array of the weights' shape, int8
        The integers.
    steps : array, float32
        Shape () for one step, (groups,) for one a column or channel, (blocks, out) for blocks.
    each : str
        What has a step of its own, for reports.
    max_error, rmse : float
        Largest and root mean squared change of a non-zero weight, in the unit of the weights.
    """

    k: IntArray
    steps: FloatArray
    each: str
    max_error: float
    rmse: float


def to_int8(weights: FloatArray, axis: int, each: str) -> Integers:
    """Return 8-bit integers with one step, or one for each index along `axis`.

    Parameters
    ----------
    weights : array of any shape, float32
        Finite.
    axis : int
        The axis of the outputs.
    each : str
        What an index along it is called.
    """
    step = find_step(weights, LARGEST_INT8)
    if step is not None:
        return _integers(weights, np.asarray(step), np.asarray(step), "layer", LARGEST_INT8)
    others = tuple(other for other in range(weights.ndim) if other != axis)
    spread = _steps(np.abs(weights).max(axis=others, keepdims=True), LARGEST_INT8)
    return _integers(weights, spread, spread.reshape(-1), each, LARGEST_INT8)


def to_int4_blocks(weights: FloatArray) -> Integers:
    """Return 4-bit integers of a matrix (in, out) with a step for each block of 32 rows.

    The steps have the shape (⌈in / 32⌉, out), also where all of them are the same.
    """
    rows, columns = weights.shape
    shape = (-(-rows // BLOCK), columns)
    step = find_step(weights, LARGEST_INT4)
    if step is not None:
        return _integers(weights, np.asarray(step), np.full(shape, step), "layer", LARGEST_INT4)
    steps = _best_block_steps(_blocks(weights))
    spread = np.repeat(steps, BLOCK, axis=0)[:rows]
    return _integers(weights, spread, steps, f"block of {BLOCK}", LARGEST_INT4)


def _integers(
    weights: FloatArray, spread: FloatArray, steps: FloatArray, each: str, largest: int
) -> Integers:
    """Round to the steps, which `spread` holds in a shape that broadcasts with the weights."""
    k = round_to_grid(weights, spread, largest)
    errors = np.abs(k.astype(np.float32) * spread - weights)
    nonzero = max(int(np.count_nonzero(weights)), 1)
    rmse = float(np.sqrt(np.square(errors, dtype=np.float64).sum() / nonzero))
    worst = float(errors.max(initial=0))
    return Integers(k, steps.astype(np.float32), each, worst, rmse)


def _steps(largest_magnitudes: FloatArray, largest: int) -> FloatArray:
    """Return the steps that just reach some magnitudes; any will do for a group of zeros.

    None is subnormal: such a step has too few digits for k · s to come within half of it, and is
    zero on hardware that flushes subnormal numbers.
    """
    steps = np.maximum(largest_magnitudes / np.float32(largest), _SMALLEST)
    return np.where(largest_magnitudes > 0, steps, np.float32(1))


def _blocks(weights: FloatArray) -> FloatArray:
    """Return the blocks of a matrix, the last one filled with zeros: (blocks, 32, columns)."""
    rows, columns = weights.shape
    padded = np.zeros((-(-rows // BLOCK) * BLOCK, columns), np.float32)
    padded[:rows] = weights
    return padded.reshape(-1, BLOCK, columns)


def _best_block_steps(blocks: FloatArray) -> FloatArray:
    """Return the steps of least squared error, (blocks, columns), among some clippings."""
    reaching = _steps(np.abs(blocks).max(axis=1), LARGEST_INT4)
    best, least = reaching, np.full(reaching.shape, np.inf, np.float32)
    for clipping in _CLIPPINGS:
        steps = np.maximum(reaching * clipping, _SMALLEST)
        spread = steps[:, None, :]
        rounded = round_to_grid(blocks, spread, LARGEST_INT4) * spread
        errors = np.square(blocks - rounded).sum(axis=1)
        best = np.where(errors < least, steps, best)
        least = np.minimum(errors, least)
    return best
