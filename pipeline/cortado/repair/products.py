"""The rows of a product: every position in front of its last axis is one.

    operator        rows of x                    W from the weight
    Gemm, right     x, transposed by transA      itself if transB, else Wᵀ
    MatMul, right   x                            Wᵀ
    Gemm, left      x, transposed unless transB  Wᵀ if transA, else itself
    MatMul, left    x, its last two axes swapped itself

x and y may have any number of axes: those of (samples, steps, k) give samples · steps rows. A
weight behind a Transpose is taken in the layout of its initializer.
"""

from dataclasses import dataclass

import numpy as np

from cortado.model.typing import FloatArray

__all__ = ["Product"]


@dataclass(frozen=True)
class Product:
    """How a Gemm or MatMul is a regression.

    Attributes
    ----------
    transposed : bool
        Whether the initializer is (k, outputs) instead of (outputs, k).
    swaps_input, swaps_output : bool
        Whether the last two axes of x and of y are swapped.
    factor : float
        What x is multiplied with: the alpha of a Gemm.
    """

    transposed: bool
    swaps_input: bool = False
    swaps_output: bool = False
    factor: float = 1.0

    def matrix(self, weights: FloatArray) -> FloatArray:
        """Return a weight as (outputs, k)."""
        return weights.T if self.transposed else weights

    def weights(self, matrix: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return a matrix as a weight of this shape, the reverse of `matrix`."""
        return self.matrix(matrix).reshape(shape)

    def rows(
        self, x: FloatArray, y: FloatArray, most: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return the rows of one batch, at most `most` of them, drawn at random.

        Returns
        -------
        tuple of array, or None
            x of shape (rows, 1, k) and y of shape (rows, outputs); None if x and y differ in the
            number of rows.
        """
        inputs, outputs = _flat(x, swaps=self.swaps_input), _flat(y, swaps=self.swaps_output)
        if len(inputs) != len(outputs):
            return None
        if len(inputs) > most:
            chosen = np.sort(generator.permutation(len(inputs))[:most])
            inputs, outputs = inputs[chosen], outputs[chosen]
        return inputs[:, None] * np.float32(self.factor), outputs

    def counts_outputs_second(self, y: FloatArray) -> bool:
        """Return whether the second axis of y is that of the outputs, as a normalization wants."""
        return y.ndim == (3 if self.swaps_output else 2)


def _flat(array: FloatArray, *, swaps: bool) -> FloatArray:
    """Return all positions as rows, of shape (rows, features)."""
    if swaps and array.ndim > 1:
        array = array.swapaxes(-1, -2)
    return array.reshape(-1, array.shape[-1])
