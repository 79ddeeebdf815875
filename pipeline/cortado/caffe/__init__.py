"""Caffe's files → the model in memory.

    prototxt ─ prototxt, message ─ upgrade ─ net ─ heads ─┐
                                                          ├─ convert ─ layers ─ graph ─ model
    weights ─ caffemodel, hdf5 ─────┐                     │
    fillers ────────────────────────┴─ parameters ────────┘

and back: export (numbering, absorb, writer) writes the values of a model into a caffemodel.

The architecture comes from the prototxt, the values from the caffemodel. Where Caffe is silent
about a mistake (a layer without weights, say), the import is refused.
"""

from cortado.caffe.caffemodel import CaffeWeights, read_caffemodel
from cortado.caffe.convert import Imported, import_caffe
from cortado.caffe.export import Exported, export_caffe
from cortado.caffe.fillers import Fillers
from cortado.caffe.options import CaffeOptions
from cortado.caffe.parameters import Weights
from cortado.caffe.stored_net import read_stored_net
from cortado.caffe.transform import read_transform_param
from cortado.caffe.weights import read_weights
from cortado.caffe.writer import LayerBlobs

__all__ = [
    "CaffeOptions",
    "CaffeWeights",
    "Exported",
    "Fillers",
    "Imported",
    "LayerBlobs",
    "Weights",
    "export_caffe",
    "import_caffe",
    "read_caffemodel",
    "read_stored_net",
    "read_transform_param",
    "read_weights",
]
