"""Types that are known, and refused by name, because no graph says what they compute."""

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer

__all__ = ["REFUSED"]

_NORMS = "forks add an eps of their own to it, in different places"

REFUSED = {
    "L2Norm": _NORMS,
    "L2Normalization": _NORMS,
    "L2Normalize": _NORMS,
    "Proposal": "how many regions it proposes depends on the image, and forks order equal scores "
    "differently",
    "PSROIPooling": "ONNX has no pooling that takes another channel for each part of a region",
    "RegionYolo": "what it decodes depends on settings that forks read differently",
    "Reorg": "forks order the channels in different ways under the same fields",
}
"""The type, and why."""


@layer(*REFUSED)
def _refuse(context: Context) -> Blob:
    raise context.unsupported(REFUSED[context.layer.type])
