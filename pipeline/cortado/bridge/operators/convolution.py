"""Conv and ConvTranspose, in 1 to 3 dimensions.

Weights keep the ONNX layout, which is PyTorch's: (out, in/groups, k…) for Conv and
(in, out/groups, k…) for ConvTranspose.
"""

from collections.abc import Callable
from typing import Any

from torch import fx
from torch.nn import functional as F

from cortado.bridge.context import NodeContext
from cortado.bridge.operators.window import Window, read_padded_window, read_window, split_pads
from cortado.bridge.registry import operator

__all__: list[str] = []

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


@operator("Conv")
def _conv(ctx: NodeContext) -> fx.Node:
    """``Y = X * W + b``."""
    window = read_padded_window(ctx, _kernel(ctx))
    data = ctx.input(0) if window.is_symmetric else window.pad(ctx, ctx.input(0))
    return ctx.call(
        _choose(ctx, _CONVOLUTIONS),
        data,
        ctx.input(1),
        ctx.optional(2),
        **_options(ctx, window),
    )


@operator("ConvTranspose")
def _conv_transpose(ctx: NodeContext) -> fx.Node:
    """Spread each input element over a window: the gradient of a convolution.

    Pads shorten the output; where PyTorch cannot, a call of its own crops it.
    """
    window, extra = _transposed_window(ctx)
    output = ctx.call(
        _choose(ctx, _TRANSPOSED),
        ctx.input(0),
        ctx.input(1),
        ctx.optional(2),
        **_options(ctx, window),
        **({"output_padding": extra} if max(extra) else {}),
    )
    if window.is_symmetric:
        return output
    return ctx.call(F.pad, output, tuple(-pad for pad in window.pads))


def _options(ctx: NodeContext, window: Window) -> dict[str, Any]:
    """Return the arguments that differ from PyTorch's defaults."""
    groups = ctx.node.attributes.get_int("group", 1)
    options: dict[str, Any] = {}
    if max(window.stride) > 1:
        options["stride"] = window.stride
    if window.is_symmetric and max(window.begin):
        options["padding"] = window.begin
    if max(window.dilation) > 1:
        options["dilation"] = window.dilation
    return options | ({"groups": groups} if groups > 1 else {})


def _transposed_window(ctx: NodeContext) -> tuple[Window, tuple[int, ...]]:
    """Return the window and the output padding; SAME means input size times stride.

    Where the output's size is given, pads are what is too much.
    """
    kernel = _kernel(ctx)
    extra = tuple(ctx.node.attributes.get_ints("output_padding", (0,) * len(kernel)))
    window = read_window(ctx, kernel)
    if "output_shape" in ctx.node.attributes:
        return _cropped_window(ctx, window, extra)
    if not ctx.node.attributes.get_string("auto_pad", "NOTSET").startswith("SAME"):
        return window, extra
    axes = zip(kernel, window.dilation, window.stride, extra, strict=True)
    return split_pads(ctx, window, [(k - 1) * d + 1 + e - s for k, d, s, e in axes]), extra


def _cropped_window(
    ctx: NodeContext, window: Window, extra: tuple[int, ...]
) -> tuple[Window, tuple[int, ...]]:
    """Return the window for an output of given size, and the output padding that it needs."""
    wanted = ctx.node.attributes.get_ints("output_shape")[-len(window.kernel) :]
    excess = []
    for axis, (size, length) in enumerate(zip(ctx.dims(0)[2:], wanted, strict=True)):
        if size is None:
            raise ctx.refusal("its output_shape needs an input of fixed height and width")
        reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1
        excess.append((size - 1) * window.stride[axis] + extra[axis] + reach - length)
    lacking = tuple(more - min(0, total) for more, total in zip(extra, excess, strict=True))
    return split_pads(ctx, window, excess), lacking


def _kernel(ctx: NodeContext) -> tuple[int, ...]:
    known = ctx.node.attributes.get_ints("kernel_shape", None)
    if known is not None:
        return tuple(known)
    sizes = ctx.dims(1)[2:]
    kernel = tuple(size for size in sizes if size is not None)
    if len(kernel) != len(sizes):
        raise ctx.refusal("the shape of its weight is unknown")
    return kernel


def _choose(ctx: NodeContext, functions: dict[int, Callable[..., Any]]) -> Callable[..., Any]:
    """Return the function for as many spatial axes as the window has."""
    axes = len(_kernel(ctx))
    if axes not in functions:
        raise ctx.refusal(f"windows of {axes} axes are not supported")
    return functions[axes]
