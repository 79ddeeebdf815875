"""PriorBox: the boxes that a detector starts from, which only sizes decide.

At (h, w) of the first bottom, with steps s and the offset o, the centre of the boxes is
((w + o)·s_w, (h + o)·s_h) in pixels of the image, the second bottom. Around it lie, for each
min_size m and its max_size M, in this order,

    m x m;   √(mM) x √(mM), if there is a max_size;   m√r x m/√r for each other aspect ratio r

where the ratios are those given, each followed by 1/r unless `flip: false`, without those that
are there already. m and M are cut to integers. The top is (1, 2, 4·boxes): corners x, y, x, y as
parts of the image, clipped to it with `clip`, and then as many variances.

It is computed here, with the same rounding, and stored as a constant.

Source: weiliu89/caffe prior_box_layer.cpp.
"""

from math import prod

import numpy as np

from cortado.caffe.context import Context
from cortado.caffe.graph import Blob
from cortado.caffe.layers.registry import layer, never
from cortado.caffe.message import Message
from cortado.model.typing import Array

__all__: list[str] = []

_MOST = 2_000_000  # boxes; detectors have thousands
_LARGEST = 2**15  # pixels, so that the product of two is still an integer in Caffe
_SAME = 1e-6  # aspect ratios that differ by less are one


@layer("PriorBox", in_place=never)
def _prior_box(context: Context) -> Blob:
    if len(context.bottoms) != 2 or any(blob.rank != 4 for blob in context.bottoms):
        raise context.refuse("its bottoms are not two batches of images")
    param = context.settings("prior_box_param")
    image = _pair(context, param, "img", "img_size") or context.bottoms[1].shape[2:]
    layer_size = context.bottoms[0].shape[2:]
    steps = _pair(context, param, "step", "step") or tuple(
        float(np.float32(i) / np.float32(n)) for i, n in zip(image, layer_size, strict=True)
    )
    boxes = _boxes(context, param)
    if prod(layer_size) * len(boxes) > _MOST:
        raise context.refuse(f"it makes {prod(layer_size) * len(boxes)} boxes")
    offset = np.float32(param.number("offset", 0.5))
    corners = np.empty((*layer_size, len(boxes), 4), np.float32)
    for axis, places in ((1, np.s_[None, :, None]), (0, np.s_[:, None, None])):
        index = np.arange(layer_size[axis], dtype=np.float32)
        centre = ((index + offset) * np.float32(steps[axis])).astype(np.float64)[places]
        half = boxes[:, 1 - axis].astype(np.float64) / 2
        corners[..., 1 - axis] = (centre - half) / image[axis]
        corners[..., 3 - axis] = (centre + half) / image[axis]
    if param.flag("clip", default=False):
        corners = corners.clip(0, 1)
    variances = np.broadcast_to(_variances(context, param), corners.shape)
    both = np.stack([corners.ravel(), variances.ravel()])[None]
    return context.constant(both, "priors")


def _boxes(context: Context, param: Message) -> Array:
    """Return width and height of the boxes of a place, float32."""
    smalls, larges = param.numbers("min_size"), param.numbers("max_size")
    if not smalls or not all(0 < size < _LARGEST for size in (*smalls, *larges)):
        raise context.refuse("it needs a min_size, and its sizes must be positive numbers")
    if larges and len(larges) != len(smalls):
        raise context.refuse(f"it has {len(smalls)} of min_size and {len(larges)} of max_size")
    if any(large <= small for small, large in zip(smalls, larges, strict=False)):
        raise context.refuse("a max_size does not exceed its min_size")
    roots = [np.sqrt(np.float32(ratio)) for ratio in _ratios(context, param)]
    boxes = []
    for i, small in enumerate(smalls):
        size = np.float32(int(small))
        boxes.append((size, size))
        if larges:
            between = np.float32(np.sqrt(float(int(small) * int(larges[i]))))
            boxes.append((between, between))
        boxes += [(size * root, size / root) for root in roots]
    return np.asarray(boxes, np.float32)


def _ratios(context: Context, param: Message) -> list[float]:
    """Return the aspect ratios but 1."""
    ratios, flip = [1.0], param.flag("flip", default=True)
    for given in param.numbers("aspect_ratio"):
        ratio = float(np.float32(given))
        if not 0 < ratio < np.inf:
            raise context.refuse(f"its aspect_ratio {given} is no positive number")
        if all(abs(ratio - known) >= _SAME for known in ratios):
            ratios += [ratio, float(np.float32(1 / ratio))] if flip else [ratio]
    return ratios[1:]


def _variances(context: Context, param: Message) -> Array:
    variances = param.numbers("variance") or (0.1,)
    if len(variances) not in (1, 4) or min(variances) <= 0:
        raise context.refuse("variance is given once or four times, and positive")
    return np.asarray(variances, np.float32)


def _pair(context: Context, param: Message, name: str, single: str) -> tuple[float, ...] | None:
    """Return a value for height and width: from one field, or from a pair with _h and _w."""
    pair = (f"{name}_h", f"{name}_w")
    if not param.has(single) and not any(param.has(field) for field in pair):
        return None
    if param.has(single) and any(param.has(field) for field in pair):
        raise context.refuse(f"it has both {single} and {pair[0]} or {pair[1]}")
    values = [param.number(single if param.has(single) else field, 0.0) for field in pair]
    if min(values) <= 0:
        raise context.refuse(f"{single}, or {pair[0]} and {pair[1]}, must be positive")
    return tuple(values)
