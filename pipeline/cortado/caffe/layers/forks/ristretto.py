"""The layers of Ristretto, which compute as their base types do, on rounded numbers.

`quantization_param` says how Ristretto rounds; the graph computes in float32. The user hears it.

Source: pmgysel/caffe.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import converter_of, layer, never

__all__: list[str] = []

_BASES = {
    "ConvolutionRistretto": "Convolution",
    "DeconvolutionRistretto": "Deconvolution",
    "FcRistretto": "InnerProduct",
    "LRNRistretto": "LRN",
}


@layer(*_BASES, in_place=never)
def _ristretto(context: Context) -> Blob | tuple[Blob, ...]:
    context.note("its quantization_param is left out: the graph computes in float32")
    return converter_of(_BASES[context.layer.type])(context)
