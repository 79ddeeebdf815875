"""Bytes of a ``mean.binaryproto`` → the mean image: one BlobProto of shape (1, C, H, W).

Source: BVLC/caffe compute_image_mean.cpp and data_transformer.cpp.
"""

import numpy as np

from cortado.caffe.caffemodel import read_blob
from cortado.caffe.wire import DamagedError
from cortado.errors import CortadoError
from cortado.task.transform import MeanImage

__all__ = ["read_mean"]


def read_mean(data: bytes) -> MeanImage:
    """Return the mean image that the bytes of a binaryproto hold.

    Raises
    ------
    CortadoError
        If they are no BlobProto of one image.
    """
    try:
        array = read_blob(data).array
    except DamagedError as error:
        raise CortadoError(f"it is no mean image (binaryproto), or is damaged: {error}") from error
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim != 3 or not np.isfinite(array).all():
        raise CortadoError(f"it is no mean image: its shape is {list(array.shape)}")
    return MeanImage.of(array)
