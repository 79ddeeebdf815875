"""Which layers Caffe can run in place: those that read a value before they overwrite it.

The others either stop Caffe, or make it read what they have just written: its result is then
none that the net's author can have meant.

Source: BVLC/caffe, Forward_cpu of each layer.
"""

from collections.abc import Sequence

from cortado.caffe.net import LayerSpec

__all__ = ["check_in_place"]

_NEVER = frozenset(
    {"AbsVal", "ArgMax", "BatchReindex", "Crop", "Flatten", "Im2col", "Pooling", "Reduction"}
    | {"Convolution", "CConvolution", "CmpConvolution", "Deconvolution"}
    | {"Embed", "LSTM", "RNN", "Reshape", "SPP", "Split", "Tile"}
    | {"DepthwiseConvolution", "ConvolutionDepthwise"}
    | {"InnerProduct", "CInnerProduct", "CmpInnerProduct"}
    | {"ConvolutionRistretto", "DeconvolutionRistretto", "FcRistretto", "LRNRistretto"}
    | {"Permute", "ShuffleChannel", "CropCenter", "CReLU", "Axpy", "Interp", "Upsample"}
    | {"PriorBox", "DetectionOutput", "ROIPooling"}
)


def check_in_place(layers: Sequence[LayerSpec]) -> None:
    """Raise `CortadoError` at a layer that works in place, but whose type can't."""
    for layer in layers:
        # The names of versions differ by now; those in the prototxt are in the message.
        tops, bottoms = layer.message.texts("top"), layer.message.texts("bottom")
        if tops[:1] == bottoms[:1] != () and _overwrites(layer):
            raise layer.refuse("its top is its bottom, but Caffe cannot compute it in place")


def _overwrites(layer: LayerSpec) -> bool:
    """Tell whether the layer writes over what it has still to read."""
    if layer.type == "Eltwise":
        operation = layer.message.message("eltwise_param").choice(
            "operation", ("PROD", "SUM", "MAX"), "SUM"
        )
        return operation != "PROD"
    if layer.type == "LRN":
        regions = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")
        region = layer.message.message("lrn_param").choice("norm_region", regions, regions[0])
        return region == regions[0]
    if layer.type in ("Concat", "Slice"):
        return len(layer.bottoms) + len(layer.tops) > 2
    return layer.type in _NEVER
