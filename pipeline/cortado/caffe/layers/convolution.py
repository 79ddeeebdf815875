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
from cortado.caffe.layers.masks import load_masked
from cortado.caffe.layers.registry import layer
from cortado.caffe.layers.window import Window, conv_window
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("Convolution", "CConvolution", "CmpConvolution")
def _convolution(context: Context) -> tuple[Blob, ...]:
    return _conv(context, default_group=1)


@layer("DepthwiseConvolution", "ConvolutionDepthwise")
def _depthwise(context: Context) -> tuple[Blob, ...]:
    return _conv(context, default_group=_input_shape(context)[1])


def _conv(context: Context, default_group: int) -> tuple[Blob, ...]:
    channels, outputs, group = _channels(context, default_group)
    window = conv_window(context, len(_input_shape(context)) - 2)
    blobs = _load(context, (outputs, channels // group, *window.kernel))
    tops = []
    for x in context.bottoms:
        shape = (x.shape[0], outputs, *window.out(x.shape[2:]))
        tops.append(_node(context, "Conv", [x, *blobs], shape, _attributes(window, group)))
    return tuple(tops)


@layer("Deconvolution")
def _deconvolution(context: Context) -> tuple[Blob, ...]:
    channels, outputs, group = _channels(context, default_group=1)
    window = conv_window(context, len(_input_shape(context)) - 2)
    blobs = _load(context, (channels, outputs // group, *window.kernel))
    tops = []
    for x in context.bottoms:
        shape = (x.shape[0], outputs, *window.transposed_out(x.shape[2:]))
        tops.append(_node(context, "ConvTranspose", [x, *blobs], shape, _attributes(window, group)))
    return tuple(tops)


def _node(
    context: Context, op: str, inputs: list[Blob], shape: Shape, attributes: Attributes
) -> Blob:
    if min(shape) < 1:
        raise context.refuse(f"its window does not fit its bottom, {list(inputs[0].shape)}")
    return context.node(op, inputs, shape, attributes)


def _load(context: Context, weight: Shape) -> list[Blob]:
    """Return the weight, and the bias if the layer has one."""
    param = context.settings("convolution_param")
    specs = [BlobSpec("weight", weight, param.message("weight_filler"))]
    if param.flag("bias_term", default=True):
        outputs = param.integer("num_output", 0)
        specs.append(BlobSpec("bias", (outputs,), param.message("bias_filler")))
    return [context.initializer(parameter) for parameter in load_masked(context, *specs)]


def _attributes(window: Window, group: int) -> Attributes:
    return {
        "kernel_shape": window.kernel,
        "strides": window.stride,
        "pads": (*window.pad, *window.pad),
        "dilations": window.dilation,
        "group": group,
    }


def _channels(context: Context, default_group: int) -> tuple[int, int, int]:
    """Return the number of channels of the bottoms and of the tops, and of groups."""
    param = context.settings("convolution_param")
    channels = _input_shape(context)[1]
    outputs = param.integer("num_output", 0, minimum=1)
    group = param.integer("group", default_group, minimum=1)
    if not outputs:
        raise context.refuse("it has no num_output")
    if channels % group or outputs % group:
        raise context.refuse(
            f"{group} groups do not divide {channels} channels and {outputs} outputs"
        )
    return channels, outputs, group


def _input_shape(context: Context) -> Shape:
    """Return the shape of the bottoms, which must be that of a batch of images or volumes."""
    if not context.bottoms:
        raise context.refuse("it has no bottom")
    shape = context.bottoms[0].shape
    if context.settings("convolution_param").integer("axis", 1) not in (1, 1 - len(shape)):
        raise context.refuse("only axis 1 can hold the channels")
    if len(shape) < 3:
        raise context.refuse(f"its bottom has the shape {list(shape)}, without spatial axes")
    if any(blob.shape[1:2] != shape[1:2] or blob.rank != len(shape) for blob in context.bottoms):
        raise context.refuse("its bottoms have different numbers of channels or axes")
    return shape
