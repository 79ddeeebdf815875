"""Bytes of weights in either of Caffe's containers → the blobs of each layer."""

from cortado.caffe.caffemodel import CaffeWeights, read_caffemodel
from cortado.caffe.hdf5 import SIGNATURE, read_hdf5
from cortado.caffe.hdf5_trial import try_hdf5

__all__ = ["read_weights"]


def read_weights(data: bytes) -> CaffeWeights:
    """Return the blobs of a .caffemodel or a .caffemodel.h5, whichever the bytes are."""
    if not data.startswith(SIGNATURE):
        return read_caffemodel(data)
    try_hdf5(data)
    return read_hdf5(data)
