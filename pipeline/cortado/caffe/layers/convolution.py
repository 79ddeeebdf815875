"""Convolution and Deconvolution: Conv and ConvTranspose, whose layouts are Caffe's.

    Convolution     out = ⌊(in + 2p - (d(k - 1) + 1)) / s⌋ + 1, weight (out, in/group, k…)
    Deconvolution   out = s(in - 1) + d(k - 1) + 1 - 2p,        weight (in, out/group, k…)

A layer with several bottoms applies the same weights to each.

DepthwiseConvolution and ConvolutionDepthwise (forks) have a group a channel unless the prototxt
says otherwise. CConvolution (Dynamic-Network-Surgery) may store masks; CmpConvolution
(DeepCompression) differs in how it trains only.

Source: BVLC/caffe base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob, Shape
from cortado.caffe.layers.planes import Planes, planes_of
from cortado.caffe.layers.pruning_masks import load_masked
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.layers.window import ConvWindow, conv_window
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("Convolution", "CConvolution", "CmpConvolution", in_place=never)
def _convolution(context: Context) -> tuple[Blob, ...]:
    return _conv(context, default_group=1)


@layer("DepthwiseConvolution", "ConvolutionDepthwise", in_place=never)
def _depthwise(context: Context) -> tuple[Blob, ...]:
    return _conv(context, default_group=planes_of(context).channels)


@layer("Deconvolution", in_place=never)
def _deconvolution(context: Context) -> tuple[Blob, ...]:
    planes, outputs, group = _channels(context, default_group=1)
    window = conv_window(context, len(planes.spatial))
    blobs = _load(context, (planes.channels, outputs // group), planes, window)
    out = (outputs, *window.transposed_out(planes.sizes))
    return _tops(context, planes, "ConvTranspose", blobs, out, window.transposed_attributes(group))


def _conv(context: Context, default_group: int) -> tuple[Blob, ...]:
    planes, outputs, group = _channels(context, default_group)
    window = conv_window(context, len(planes.spatial))
    blobs = _load(context, (outputs, planes.channels // group), planes, window)
    out = (outputs, *window.out(planes.sizes))
    return _tops(context, planes, "Conv", blobs, out, window.attributes(planes.sizes, group))


def _tops(
    context: Context,
    planes: Planes,
    op: str,
    blobs: list[Blob],
    out: Shape,
    attributes: Attributes,
) -> tuple[Blob, ...]:
    """Return what the same node makes of each bottom."""
    if min(out) < 1:
        raise context.refuse(
            f"its window does not fit its bottom, {list(context.bottoms[0].shape)}"
        )
    tops = []
    for i in range(len(context.bottoms)):
        x = planes.batch(context, i)
        y = context.node(op, [x, *blobs], (x.shape[0], *out), attributes)
        tops.append(planes.top(context, y, i))
    return tuple(tops)


def _load(context: Context, lead: Shape, planes: Planes, window: ConvWindow) -> list[Blob]:
    """Return the weight, whose first two axes are `lead`, and the bias if the layer has one."""
    param = context.settings("convolution_param")
    kernel = window.kernel if planes.spatial else ()
    specs = [BlobSpec("weight", (*lead, *kernel), param.message("weight_filler"))]
    if param.flag("bias_term", default=True):
        outputs = param.integer("num_output", 0)
        specs.append(BlobSpec("bias", (outputs,), param.message("bias_filler")))
    weight, *biases = load_masked(context, *specs)
    return [
        context.initializer(weight, (*lead, *window.kernel)),
        *(context.initializer(bias) for bias in biases),
    ]


def _channels(context: Context, default_group: int) -> tuple[Planes, int, int]:
    """Return the layout of the bottoms, the number of channels of the tops, and of groups."""
    param, planes = context.settings("convolution_param"), planes_of(context)
    outputs = context.needed(param, "num_output")
    group = param.integer("group", default_group, minimum=1)
    if planes.channels % group or outputs % group:
        raise context.refuse(
            f"{group} groups do not divide {planes.channels} channels and {outputs} outputs"
        )
    return planes, outputs, group
