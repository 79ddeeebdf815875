"""The window of a convolution: its kernel, stride, pad and dilation along each spatial axis.

Each comes from a field that is repeated (one value for all axes, or one for each), or from a
pair with _h and _w, which is for two axes only; never from both.

Source: BVLC/caffe base_conv_layer.cpp (LayerSetUp).
"""

from dataclasses import dataclass

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Shape

__all__ = ["Window", "conv_window"]


@dataclass(frozen=True)
class Window:
    """A window, a value for each spatial axis."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    def attributes(self, group: int) -> Attributes:
        """Return those of a Conv or ConvTranspose with this window."""
        return {
            "kernel_shape": self.kernel,
            "strides": self.stride,
            "pads": (*self.pad, *self.pad),
            "dilations": self.dilation,
            "group": group,
        }

    def out(self, sizes: Shape) -> Shape:
        """Return what a convolution makes of an input of these sizes."""
        return tuple(
            (size + 2 * p - extent) // s + 1
            for size, extent, s, p in zip(sizes, self._extent, self.stride, self.pad, strict=True)
        )

    def transposed_out(self, sizes: Shape) -> Shape:
        """Return what a deconvolution makes of an input of these sizes."""
        return tuple(
            s * (size - 1) + extent - 2 * p
            for size, extent, s, p in zip(sizes, self._extent, self.stride, self.pad, strict=True)
        )

    @property
    def _extent(self) -> Shape:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


def conv_window(context: Context, axes: int) -> Window:
    """Return the window that a layer's `convolution_param` states, for so many spatial axes.

    Without such axes Caffe computes with no window at all: as with one of a single value.
    """
    kernel = _sizes(context, "kernel_size", "kernel", axes, minimum=1)
    if not axes:
        return Window((1,), (1,), (0,), (1,))
    if kernel is None:
        raise context.refuse("it has no kernel_size")
    return Window(
        kernel,
        _sizes(context, "stride", "stride", axes, minimum=1) or (1,) * axes,
        _sizes(context, "pad", "pad", axes, minimum=0) or (0,) * axes,
        _sizes(context, "dilation", "dilation", axes, minimum=1) or (1,) * axes,
    )


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
