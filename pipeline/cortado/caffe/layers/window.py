"""The window of a convolution: its kernel, stride, pad and dilation along each spatial axis.

Each comes from a field that is repeated (one value for all axes, or one for each), or from a
pair with _h and _w, which is for two axes only; never from both.

A convolution's window may hang over its padded input by less than its stride: C rounds towards
zero, so that Caffe finds room for it, and reads zeros there.

Source: BVLC/caffe base_conv_layer.cpp (LayerSetUp).
"""

from dataclasses import dataclass

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Shape

__all__ = ["ConvWindow", "conv_window"]


@dataclass(frozen=True)
class ConvWindow:
    """A window, a value for each spatial axis."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    def out(self, sizes: Shape) -> Shape:
        """Return what a convolution makes of an input of these sizes."""
        return tuple(
            int(span / s) + 1 for span, s in zip(self._spans(sizes), self.stride, strict=True)
        )

    def attributes(self, sizes: Shape, group: int) -> Attributes:
        """Return those of a Conv on an input of these sizes."""
        missing = (max(0, -span) for span in self._spans(sizes))
        ends = tuple(p + more for p, more in zip(self.pad, missing, strict=True))
        return {**self.transposed_attributes(group), "pads": (*self.pad, *ends)}

    def transposed_attributes(self, group: int) -> Attributes:
        """Return those of a ConvTranspose."""
        return {
            "kernel_shape": self.kernel,
            "strides": self.stride,
            "pads": (*self.pad, *self.pad),
            "dilations": self.dilation,
            "group": group,
        }

    def transposed_out(self, sizes: Shape) -> Shape:
        """Return what a deconvolution makes of an input of these sizes."""
        return tuple(
            s * (size - 1) + extent - 2 * p
            for size, extent, s, p in zip(sizes, self._extent, self.stride, self.pad, strict=True)
        )

    def _spans(self, sizes: Shape) -> Shape:
        """Return how far the window can move, in the padded input."""
        axes = zip(sizes, self._extent, self.pad, strict=True)
        return tuple(size + 2 * p - extent for size, extent, p in axes)

    @property
    def _extent(self) -> Shape:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def conv_window(context: Context, axes: int) -> ConvWindow:
    """Return the window that a layer's `convolution_param` states, for a number of spatial axes.

    Without such axes Caffe computes with no window at all: as with one of a single value.
    """
    kernel = _sizes(context, "kernel_size", "kernel", axes, minimum=1)
    if not axes:
        return ConvWindow((1,), (1,), (0,), (1,))
    if kernel is None:
        raise context.refuse("it has no kernel_size")
    return ConvWindow(
        kernel,
        _sizes(context, "stride", "stride", axes, minimum=1) or (1,) * axes,
        _sizes(context, "pad", "pad", axes, minimum=0) or (0,) * axes,
        _dilation(context, axes) or (1,) * axes,
    )


def _dilation(context: Context, axes: int) -> Shape | None:
    """Return the dilation, which the first DeepLab called a hole."""
    dilation = _sizes(context, "dilation", "dilation", axes, minimum=1)
    hole = _sizes(context, "hole", "hole", axes, minimum=1)
    if dilation is not None and hole is not None:
        raise context.refuse("it has both a dilation and a hole")
    return dilation or hole


def _sizes(context: Context, name: str, prefix: str, axes: int, *, minimum: int) -> Shape | None:
    param = context.settings("convolution_param")
    values = param.integers(name, minimum)
    pair = (f"{prefix}_h", f"{prefix}_w")
    if not any(param.has(field) for field in pair):
        if len(values) not in (0, 1, axes):
            raise context.refuse(f"{name} is given {len(values)} times for {axes} spatial axes")
        return (values * axes if len(values) == 1 else values) or None
    if values or axes != 2 or not all(param.has(field) for field in pair):
        raise context.refuse(f"{pair[0]} and {pair[1]} go together, without {name}, in two axes")
    height, width = (param.integer(field, 0, minimum) for field in pair)
    return height, width
