"""How Convolution, Deconvolution and Im2col see their bottoms.

The axis of the channels is `axis`. All axes before it count as one, the items; those after it
are spatial. ONNX has the channels in axis 1, and at least one spatial axis, so that whatever is
laid out otherwise is reshaped before and after.

Source: BVLC/caffe base_conv_layer.cpp, im2col_layer.cpp.
"""

from dataclasses import dataclass
from math import prod

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob, Shape

__all__ = ["Planes", "planes_of"]


@dataclass(frozen=True)
class Planes:
    """The axes of the bottoms: those before the channels, the channels, and those after."""

    items: Shape
    channels: int
    spatial: Shape

    @property
    def sizes(self) -> Shape:
        """The sizes of the spatial axes; of a single one where there are none."""
        return self.spatial or (1,)

    def batch(self, context: Context, index: int) -> Blob:
        """Return a bottom as (items, channels, spatial axes…)."""
        x, suffix = context.bottoms[index], index or ""
        if len(self.items) != 1:
            context.fix_batch(x, "has its channels in another axis than 1")
        shape = (prod(self.items), self.channels, *self.sizes)
        return context.reshape(x, shape, part=f"batch{suffix}")

    def top(self, context: Context, y: Blob, index: int) -> Blob:
        """Return what was made of a batch, laid out like the bottom."""
        spatial = y.shape[2:] if self.spatial else ()
        shape = (*(self.items if len(self.items) != 1 else y.shape[:1]), y.shape[1], *spatial)
        return context.reshape(y, shape, part=f"top{index or ''}")


def planes_of(context: Context) -> Planes:
    """Return how the layer's bottoms, which must be of one shape, are laid out."""
    if not context.bottoms:
        raise context.refuse("it has no bottom")
    shape = context.bottoms[0].shape
    for blob in context.bottoms:
        if blob.shape != shape:
            raise context.refuse(
                f"its bottoms have the shapes {list(shape)} and {list(blob.shape)}"
            )
    axis = context.settings("convolution_param").integer("axis", 1)
    axis = context.axis(axis, len(shape))
    return Planes(shape[:axis], shape[axis], shape[axis + 1 :])
