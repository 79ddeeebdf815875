"""Caffe's files → the model in memory.

    prototxt ─ prototxt, message ─ upgrade ─ net ─ heads ─┐
                                                          ├─ convert ─ layers ─ graph ─ model
    caffemodel ─ wire ─ caffemodel ─┐                     │
    fillers ────────────────────────┴─ parameters ────────┘

The architecture comes from the prototxt, the values from the caffemodel. Where Caffe is silent
about a mistake (a layer without weights, say), the import is refused.

`layer`, `Context`, `Blob`, `BlobSpec` and `Out` are for modules that convert types of their own.
"""

from cortado.caffe.caffemodel import CaffeWeights, read_caffemodel
from cortado.caffe.context import Context
from cortado.caffe.convert import Imported, import_caffe
from cortado.caffe.fillers import Fillers
from cortado.caffe.graph import Blob, Out
from cortado.caffe.layers import layer
from cortado.caffe.options import CaffeOptions
from cortado.caffe.parameters import BlobSpec, Weights
from cortado.caffe.transform import read_transform_param

__all__ = [
    "Blob",
    "BlobSpec",
    "CaffeOptions",
    "CaffeWeights",
    "Context",
    "Fillers",
    "Imported",
    "Out",
    "Weights",
    "import_caffe",
    "layer",
    "read_caffemodel",
    "read_transform_param",
]
