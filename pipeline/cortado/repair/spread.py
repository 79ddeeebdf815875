"""The rows of a transposed convolution: those of a convolution of its spread input.

With the stride s, the input gets s − 1 zeros between its elements, and the border is padded;
then each position of the output sees, for each channel, as many elements as the kernel has, at
the distance of the dilation. The kernel is flipped: element q of the patch is multiplied with
element k − 1 − q of the kernel.

    weight (inputs, outputs / g, kernel…)  →  W (outputs, inputs / g · kernel)

Source: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html.
"""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from cortado.model.typing import FloatArray
from cortado.repair.patches import ConvGeometry

__all__ = ["Spread"]


@dataclass(frozen=True)
class Spread:
    """The geometry of a transposed convolution.

    Attributes
    ----------
    window : ConvGeometry
        The convolution of the spread input: its pads are not known before its size.
    strides : tuple of int
        One more than the zeros between two elements, one number a spatial axis.
    begin : tuple of int
        What the spread input is padded with in front of each spatial axis.
    grown : tuple of int
        What each axis of the output has more than stride · (size − 1).
    """

    window: ConvGeometry
    strides: tuple[int, ...]
    begin: tuple[int, ...]
    grown: tuple[int, ...]

    @classmethod
    def of(cls, node: ir.Node, kernel: tuple[int, ...], groups: int) -> "Spread | str":
        """Return the geometry of a ConvTranspose node, or why it is not supported."""
        whole, rank = ConvGeometry.of(node, kernel, groups), len(kernel)
        if whole.auto_pad not in ("NOTSET", "VALID") or "output_shape" in node.attributes:
            return "its pads follow from the size of its output (auto_pad or output_shape)"
        pads = whole.pads if whole.auto_pad == "NOTSET" else (0,) * 2 * rank
        reach = [(size - 1) * d for size, d in zip(kernel, whole.dilations, strict=True)]
        if any(pad > most for pad, most in zip(pads, reach * 2, strict=True)):
            return "its pads cut off more than its kernel reaches over"
        more = node.attributes.get_ints("output_padding", [0] * rank)
        sides = list(zip(reach, pads[:rank], pads[rank:], more, strict=True))
        return cls(
            replace(whole, strides=(1,) * rank, pads=(0,) * 2 * rank, auto_pad="NOTSET"),
            whole.strides,
            tuple(most - first for most, first, _, _ in sides),
            tuple(most + 1 + extra - first - last for most, first, last, extra in sides),
        )

    def matrix(self, weights: FloatArray) -> FloatArray:
        """Return a weight as (outputs, k)."""
        groups = self.window.groups
        inputs, outputs, *kernel = weights.shape  # outputs of one group
        parts = weights.reshape(groups, inputs // groups, outputs, *kernel)
        flipped = np.flip(parts.swapaxes(1, 2), axis=tuple(range(3, parts.ndim)))
        return flipped.reshape(groups * outputs, -1)

    def weights(self, matrix: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return a matrix as a weight of this shape, the reverse of `matrix`."""
        groups = self.window.groups
        inputs, outputs, *kernel = shape
        parts = matrix.reshape(groups, outputs, inputs // groups, *kernel)
        flipped = np.flip(parts, axis=tuple(range(3, parts.ndim))).swapaxes(1, 2)
        return flipped.reshape(shape)

    def rows(
        self, x: FloatArray, y: FloatArray, most: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return the rows of one batch, as `ConvGeometry.rows` does."""
        steps = list(zip(x.shape[2:], self.strides, strict=True))
        ends = [stride * (count - 1) for count, stride in steps]
        if y.shape[2:] != tuple(end + more for end, more in zip(ends, self.grown, strict=True)):
            return None
        sizes = [
            count + (size - 1) * dilation
            for count, size, dilation in zip(
                y.shape[2:], self.window.kernel, self.window.dilations, strict=True
            )
        ]
        spread = np.zeros((*x.shape[:2], *sizes), x.dtype)
        places = [
            slice(begin, begin + end + 1, stride)
            for begin, end, stride in zip(self.begin, ends, self.strides, strict=True)
        ]
        spread[(slice(None), slice(None), *places)] = x
        return self.window.rows(spread, y, most, generator)

    def counts_outputs_second(self, y: FloatArray) -> bool:  # noqa: ARG002  always true here
        """Return whether the second axis of y is that of the outputs."""
        return True
