"""Layers without a bottom whose values are part of the net.

Parameter   a blob of the weights, of the shape that it states

Source: BVLC/caffe parameter_layer.hpp.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer
from cortado.caffe.parameters import BlobSpec

__all__: list[str] = []


@layer("Parameter")
def _parameter(context: Context) -> Blob:
    shape = context.settings("parameter_param").message("shape").integers("dim", minimum=1)
    (parameter,) = context.load(BlobSpec("value", shape))
    return context.initializer(parameter)
