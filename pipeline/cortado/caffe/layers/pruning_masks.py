"""Blobs of layers that were pruned while they trained.

Dynamic-Network-Surgery's CConvolution and CInnerProduct store a mask for each blob after the
blobs themselves (weight, bias, mask of the weight, mask of the bias); the layer computes with
the products. What it publishes after training has the masks applied and dropped.

Source: yiwenguo/Dynamic-Network-Surgery.
"""

from dataclasses import replace

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.parameters import BlobSpec, Parameter

__all__ = ["load_masked"]

_MASKED = ("CConvolution", "CInnerProduct")


def load_masked(context: Context, *specs: BlobSpec) -> tuple[Parameter, ...]:
    """Return the blobs of a layer, multiplied with their masks if it has any."""
    if context.layer.type not in _MASKED or context.stored() != 2 * len(specs):
        return context.load(*specs)
    masks = [BlobSpec(f"{spec.role}_mask", spec.shape, default=1.0, folded=True) for spec in specs]
    loaded = context.load(*specs, *masks)
    pairs = zip(loaded[: len(specs)], loaded[len(specs) :], strict=True)
    masked = tuple(replace(blob, array=blob.array * mask.array) for blob, mask in pairs)
    kept = np.count_nonzero(masked[0].array)
    context.note(f"its mask is applied: {kept} of {masked[0].array.size} weights are left")
    return masked
