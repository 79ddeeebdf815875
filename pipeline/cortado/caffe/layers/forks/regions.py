"""ROIPooling: the maximum in each part of a region of the image.

A region is (image, x1, y1, x2, y2) in pixels of the net's input. Times `spatial_scale` and
rounded, it is inclusive at both ends and at least one pixel wide and high; it is parted into
`pooled_h` x `pooled_w` bins, whose bounds are ⌊ ⌋ at the start and ⌈ ⌉ at the end, clipped to the
image. An empty bin gives 0. MaxRoiPool is the same in onnxruntime, to the bit.

Source: rbgirshick/caffe-fast-rcnn roi_pooling_layer.cpp.
"""

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []


@layer("ROIPooling", in_place=never)
def _roi_pooling(context: Context) -> Blob:
    if len(context.bottoms) != 2:
        raise context.refuse(f"it has {len(context.bottoms)} bottoms instead of 2")
    x, regions = context.bottoms
    shape = regions.shape
    if x.rank != 4 or shape[1:2] != (5,) or any(size != 1 for size in shape[2:]):
        raise context.refuse(
            f"its bottoms have the shapes {list(x.shape)} and {list(shape)}, "
            "not (N, C, H, W) and (regions, 5)"
        )
    for blob in context.bottoms:  # the number of regions is not that of images
        context.fix_batch(blob, "pools regions of all images")
    param = context.settings("roi_pooling_param")
    pooled = tuple(param.integer(name, 0, minimum=1) for name in ("pooled_h", "pooled_w"))
    if 0 in pooled:
        raise context.refuse("it has no pooled_h and pooled_w")
    attributes: Attributes = {
        "pooled_shape": pooled,
        "spatial_scale": param.number("spatial_scale", 1.0),
    }
    flat = context.reshape(regions, shape[:2], part="regions")
    return context.node("MaxRoiPool", [x, flat], (shape[0], x.shape[1], *pooled), attributes)
