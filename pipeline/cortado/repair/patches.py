"""The patches that the positions of a convolution see, as rows of a matrix.

The input (n, channels, size…) is padded; position p of the output sees, for each channel, the
elements stride · p + dilation · q for every q of the kernel. Only the positions that are asked
for are copied.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from cortado.model.typing import FloatArray

__all__ = ["ConvGeometry"]


@dataclass(frozen=True)
class ConvGeometry:
    """The geometry of a convolution, one number a spatial axis.

    Attributes
    ----------
    kernel, strides, dilations : tuple of int
        As in ONNX.
    pads : tuple of int
        Before the first axis, before the second, …, then behind each; not looked at where
        `auto_pad` is another than ``NOTSET``, and they follow from the size of the input.
    auto_pad : str
        ``NOTSET``, ``VALID``, ``SAME_UPPER`` or ``SAME_LOWER``.
    groups : int
        Groups of channels.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]
    auto_pad: str
    groups: int

    @classmethod
    def of(cls, node: ir.Node, kernel: Sequence[int], groups: int) -> "ConvGeometry":
        """Return the geometry of a Conv node."""
        rank, attributes = len(kernel), node.attributes
        return cls(
            tuple(kernel),
            tuple(attributes.get_ints("strides", [1] * rank)),
            tuple(attributes.get_ints("dilations", [1] * rank)),
            tuple(attributes.get_ints("pads", [0] * 2 * rank)),
            attributes.get_string("auto_pad", "NOTSET"),
            groups,
        )

    def rows(
        self, x: FloatArray, y: FloatArray, most: int, generator: np.random.Generator
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return what the positions of a batch see, and what the layer gives there.

        Parameters
        ----------
        x : array of shape (n, channels, size…)
            The input.
        y : array of shape (n, outputs, positions…)
            The output.
        most : int
            So many positions are drawn at random, if there are more.
        generator : numpy.random.Generator
            Draws them.

        Returns
        -------
        tuple of array, or None
            (rows, groups, channels / groups · kernel) and (rows, outputs); None if x and y differ
            in samples or positions.
        """
        seen, places = self._windows(x, y.shape[2:]), (len(y), *y.shape[2:])
        if seen is None or (len(seen), *seen.shape[2 : y.ndim]) != places:
            return None
        total = int(np.prod(places))
        chosen = np.arange(total)
        if total > most:
            chosen = np.sort(generator.choice(total, most, replace=False))
        image, *position = np.unravel_index(chosen, places)
        places_first = np.moveaxis(seen, 1, len(places))  # (n, positions…, channels, kernel…)
        inputs = places_first[(image, *position)]
        outputs = np.moveaxis(y, 1, -1)[(image, *position)]
        return inputs.reshape(len(chosen), self.groups, -1), outputs

    def matrix(self, weights: FloatArray) -> FloatArray:
        """Return a weight as (outputs, k)."""
        return weights.reshape(len(weights), -1)

    def weights(self, matrix: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return a matrix as a weight of this shape, the reverse of `matrix`."""
        return matrix.reshape(shape)

    def counts_outputs_second(self, y: FloatArray) -> bool:  # noqa: ARG002  always true here
        """Return whether the second axis of y is that of the outputs."""
        return True

    def _windows(self, x: FloatArray, positions: Sequence[int]) -> FloatArray | None:
        """Return a view (n, channels, positions…, kernel…) on the padded input, if it has any."""
        rank = len(self.kernel)
        extents = [
            (size - 1) * dilation + 1
            for size, dilation in zip(self.kernel, self.dilations, strict=True)
        ]
        pads = self._pads(x.shape[2:], positions, extents)
        padded = np.pad(x, [(0, 0), (0, 0), *pads])
        axes = tuple(range(2, 2 + rank))
        if any(size < extent for size, extent in zip(padded.shape[2:], extents, strict=True)):
            return None
        windows = np.lib.stride_tricks.sliding_window_view(padded, extents, axis=axes)
        steps = [slice(None, None, step) for step in (*self.strides, *self.dilations)]
        return windows[(slice(None), slice(None), *steps)]

    def _pads(
        self, sizes: Sequence[int], positions: Sequence[int], extents: Sequence[int]
    ) -> list[tuple[int, int]]:
        rank = len(sizes)
        if self.auto_pad == "NOTSET":
            return list(zip(self.pads[:rank], self.pads[rank:], strict=True))
        if self.auto_pad == "VALID":
            return [(0, 0)] * rank
        needed = [
            max(0, (count - 1) * stride + extent - size)
            for count, stride, extent, size in zip(
                positions, self.strides, extents, sizes, strict=True
            )
        ]
        halves = [total // 2 for total in needed]
        pairs = [(half, total - half) for half, total in zip(halves, needed, strict=True)]
        return pairs if self.auto_pad == "SAME_UPPER" else [pair[::-1] for pair in pairs]
