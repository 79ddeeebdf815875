"""The padding of sliding windows, which convolutions and poolings share.

ONNX counts pads as (begin of each axis, end of each axis), PyTorch takes one number an axis for
both sides. Where the sides differ, the input is padded by a call of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext

__all__ = ["Window", "read_padded_window", "read_window", "split_pads"]


@dataclass(frozen=True)
class Window:
    """How a window slides; every tuple has one entry for each spatial axis.

    Attributes
    ----------
    kernel, stride, dilation : tuple of int
        As PyTorch counts them.
    begin, end : tuple of int
        How many elements are added in front and behind.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    @property
    def is_symmetric(self) -> bool:
        """Whether PyTorch can pad by itself."""
        return self.begin == self.end

    @property
    def pads(self) -> tuple[int, ...]:
        """The pads as `F.pad` takes them: last axis first, begin and end in turns."""
        sides = zip(reversed(self.begin), reversed(self.end), strict=True)
        return tuple(pad for side in sides for pad in side)

    def pad(self, ctx: NodeContext, data: fx.Node, fill: float = 0.0) -> fx.Node:
        """Add a call that pads the data."""
        options = {"value": fill} if fill else {}
        return ctx.call(F.pad, data, self.pads, **options)


def read_window(ctx: NodeContext, kernel: tuple[int, ...]) -> Window:
    """Return the window of a node; the pads that ``auto_pad`` leaves open are 0."""
    ones = (1,) * len(kernel)
    pads = tuple(ctx.node.attributes.get_ints("pads", (0,) * 2 * len(kernel)))
    if ctx.node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        pads = (0,) * 2 * len(kernel)
    return Window(
        kernel,
        tuple(ctx.node.attributes.get_ints("strides", ones)),
        tuple(ctx.node.attributes.get_ints("dilations", ones)),
        pads[: len(kernel)],
        pads[len(kernel) :],
    )


def read_padded_window(ctx: NodeContext, kernel: tuple[int, ...]) -> Window:
    """Return the window of a node that reads windows of its input 0, ``auto_pad`` resolved.

    SAME pads so that the output has ceil(input / stride) elements.
    """
    window = read_window(ctx, kernel)
    if not ctx.node.attributes.get_string("auto_pad", "NOTSET").startswith("SAME"):
        return window
    return split_pads(ctx, window, [_same_total(ctx, window, axis) for axis in range(len(kernel))])


def split_pads(ctx: NodeContext, window: Window, totals: Sequence[int]) -> Window:
    """Divide the pads of each axis between its sides: SAME_UPPER puts an odd one at the end."""
    small = tuple(max(0, total) // 2 for total in totals)
    large = tuple(max(0, total) - less for total, less in zip(totals, small, strict=True))
    upper = ctx.node.attributes.get_string("auto_pad", "NOTSET") == "SAME_UPPER"
    begin, end = (small, large) if upper else (large, small)
    return replace(window, begin=begin, end=end)


def _same_total(ctx: NodeContext, window: Window, axis: int) -> int:
    reach = (window.kernel[axis] - 1) * window.dilation[axis]
    stride = window.stride[axis]
    if stride == 1:
        return reach
    size = ctx.dims(0)[2 + axis]
    if size is None:
        raise ctx.refusal("its auto_pad needs an input of fixed height and width")
    return (-(-size // stride) - 1) * stride + reach + 1 - size
