"""Caffe's files → the model in memory.

    prototxt ─ prototxt, message ─ upgrade ─ net ─ heads ─┐
                                                          ├─ convert ─ layers ─ graph ─ model
    weights ─ caffemodel, hdf5 ─────┐                     │
    fillers ────────────────────────┴─ parameters ────────┘

    train_val  ─ transform, mean, criteria ─ metadata of the model
    solver ─ solver (with the factors of its net) ─ retrain
    records of a database ─ datum ─ data
and back: export (numbering, absorb, writer) writes the values of a model into a caffemodel.

The architecture comes from the prototxt, the values from the caffemodel. Where Caffe is silent
about a mistake (a layer without weights, say), the import is refused.

`layer`, `Context`, `Blob`, `BlobSpec` and `Out` are for modules that convert types of their own.
"""

from cortado.caffe.caffemodel import CaffeWeights, read_caffemodel
from cortado.caffe.context import Context
from cortado.caffe.convert import Imported, import_caffe
from cortado.caffe.export import Exported, export_caffe
from cortado.caffe.fillers import Fillers
from cortado.caffe.graph import Blob, Out
from cortado.caffe.layers import layer
from cortado.caffe.mean import read_mean
from cortado.caffe.options import CaffeOptions
from cortado.caffe.parameters import BlobSpec, Weights
from cortado.caffe.solver import TrainingNet, read_solver, read_training_net
from cortado.caffe.stored_net import read_stored_net
from cortado.caffe.transform import StatedTransform, read_transform_param
from cortado.caffe.weights import read_weights
from cortado.caffe.writer import LayerBlobs

__all__ = [
    "Blob",
    "BlobSpec",
    "CaffeOptions",
    "CaffeWeights",
    "Context",
    "Exported",
    "Fillers",
    "Imported",
    "LayerBlobs",
    "Out",
    "StatedTransform",
    "TrainingNet",
    "Weights",
    "export_caffe",
    "import_caffe",
    "layer",
    "read_caffemodel",
    "read_mean",
    "read_solver",
    "read_stored_net",
    "read_training_net",
    "read_transform_param",
    "read_weights",
]
