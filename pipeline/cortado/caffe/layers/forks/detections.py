"""DetectionOutput in the operators of ONNX; by default `heads` cuts the net before it.

Bottoms: locations (N, 4·P·L), confidences (N, P·C) and priors (1, 2, 4·P), for P priors, C classes
and L = 1, or C with `share_location: false`.

1. Each location becomes a box, from its prior p and variances v, w and h those of the prior:
       CORNER        p + v·t
       CORNER_SIZE   p + v·t·(w, h, w, h)
       CENTER_SIZE   centre p + v·t·(w, h), size exp(v·t)·(w, h)
   where `variance_encoded_in_target` leaves out v.
2. In each class but the background, the `top_k` best above `confidence_threshold` are gone
   through by score; one that overlaps a better one by more than `nms_threshold` is dropped.
3. Of each image, the `keep_top_k` best are left.
4. The top is (1, 1, K, 7): image, class, score, x, y, x, y; by image, class and falling score.
   Where nothing is found at all, a row of -1 for each image, with its number in front.

Equal scores are ordered by class and prior; in 3, Caffe leaves their order open.

Source: weiliu89/caffe detection_output_layer.cpp, bbox_util.cpp.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from cortado.caffe.context import Context
from cortado.caffe.graph import Attributes, Blob, Out
from cortado.caffe.layers.registry import layer, never

__all__: list[str] = []

_CODES = ("", "CORNER", "CENTER_SIZE", "CORNER_SIZE")
_INT64, _BOOL = ir.DataType.INT64, ir.DataType.BOOL


@dataclass(frozen=True)
class _Settings:
    """The settings of a `detection_output_param`, with the sizes of the bottoms."""

    priors: int
    classes: tuple[int, ...]  # without the background
    count: int  # with it
    shared: bool
    code: str
    encoded: bool
    overlap: float
    confidence: float | None
    best: int  # of each class, before suppression
    kept: int  # of each image


@layer("DetectionOutput", in_place=never)
def _detection_output(context: Context) -> Blob:
    settings = _settings(context)
    graph = _Steps(context)
    locations, confidences, priors = context.bottoms[:3]
    boxes = _decoded(graph, settings, locations, priors)
    scores, boxes = _best(graph, settings, confidences, boxes)
    scores = _suppressed(graph, settings, scores, boxes)
    rows = _rows(graph, settings, scores, boxes)
    top = _never_empty(graph, confidences, rows)
    top.value.shape = ir.Shape((1, 1, "detections", 7))
    return Blob(top.value, (1, 1, settings.kept, 7))


def _settings(context: Context) -> _Settings:
    if len(context.bottoms) not in (3, 4):  # a fourth is an image to draw on
        raise context.unsupported(f"it has {len(context.bottoms)} bottoms instead of 3")
    param = context.settings("detection_output_param")
    nms = param.message("nms_param")
    count = param.integer("num_classes", 0, minimum=1)
    background = param.integer("background_label_id", 0)
    shared = param.flag("share_location", default=True)
    sizes = [prod(blob.shape[1:]) for blob in context.bottoms[:3]]
    priors = sizes[2] // 8
    if sizes != [4 * priors * (1 if shared else count), priors * count, 8 * priors]:
        found = ", ".join(str(list(blob.shape)) for blob in context.bottoms[:3])
        raise context.refuse(f"its bottoms have the shapes {found} for {count} num_classes")
    classes = tuple(c for c in range(count) if c != background)
    if not classes:
        raise context.refuse("its only class is the background")
    overlap, eta = nms.number("nms_threshold", 0.3), nms.number("eta", 1.0)
    if overlap < 0 or not 0 < eta <= 1:
        raise context.refuse(f"its nms_threshold is {overlap} and its eta {eta}")
    if eta < 1 and overlap > 0.5:
        raise context.unsupported("its eta lowers nms_threshold from box to box")
    best, kept = nms.integer("top_k", -1), param.integer("keep_top_k", -1)
    if best == 0 or kept == 0:
        raise context.refuse("top_k or keep_top_k is 0, so that it never finds anything")
    best = min(best, priors) if best > 0 else priors
    every = best * len(classes)
    return _Settings(
        priors=priors,
        classes=classes,
        count=count,
        shared=shared,
        code=param.choice("code_type", _CODES, "CORNER"),
        encoded=param.flag("variance_encoded_in_target", default=False),
        overlap=min(overlap, 1.0),
        confidence=param.number("confidence_threshold", 0.0)
        if param.has("confidence_threshold")
        else None,
        best=best,
        kept=min(kept, every) if kept > 0 else every,
    )


class _Steps:
    """Adds nodes, the shapes of whose outputs are left to whoever reads the file.

    Attributes
    ----------
    context : Context
        The layer.
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    def __call__(
        self,
        op: str,
        *inputs: Blob,
        dtype: ir.DataType = ir.DataType.FLOAT,
        attributes: Attributes | None = None,
    ) -> Blob:
        """Add a node with one output."""
        out = Out((), dtype, symbol="")
        blob = self.context.node(op, inputs, out, attributes, part=op.lower())
        blob.value.shape = None
        return blob

    def topk(self, scores: Blob, count: int) -> tuple[Blob, Blob]:
        """Return the highest of the last axis, and where they are; the first of equal ones."""
        outs = [Out((), symbol=""), Out((), _INT64, symbol="")]
        inputs = [scores, self.numbers(count)]
        best, places = self.context.nodes("TopK", inputs, outs, {"axis": -1}, "topk")
        best.value.shape = places.value.shape = None
        return best, places

    def numbers(self, *values: int) -> Blob:
        """Return a constant vector of int64."""
        return self.context.integers(values, f"int_{'_'.join(map(str, values))}")

    def reshape(self, blob: Blob, *sizes: int) -> Blob:
        """Add a Reshape; -1 is the batch."""
        return self("Reshape", blob, self.numbers(*sizes))

    def scalar(self, value: int) -> Blob:
        """Return a constant int64 of shape ()."""
        return self.context.constant(np.asarray(value, np.int64), f"scalar_{value}")

    def nothing(self, scores: Blob) -> Blob:
        """Return -inf in the shape of scores."""
        shape = self("Shape", scores, dtype=_INT64)
        return self("Expand", self.context.scalar(-np.inf, "nothing"), shape)

    def columns(self, blob: Blob, start: int, end: int) -> Blob:
        """Return a part of the last axis."""
        bounds = self.numbers(start), self.numbers(end), self.numbers(-1)
        return self("Slice", blob, *bounds, dtype=blob.value.dtype or ir.DataType.FLOAT)


def _decoded(graph: _Steps, settings: _Settings, locations: Blob, priors: Blob) -> Blob:
    """Return the boxes (N, P, L, 4)."""
    groups = 1 if settings.shared else settings.count
    offsets = graph.reshape(locations, -1, settings.priors, groups, 4)
    both = graph.reshape(priors, 2, settings.priors, 1, 4)
    box, variance = (graph("Gather", both, graph.scalar(i)) for i in range(2))
    if not settings.encoded:
        offsets = graph("Mul", offsets, variance)
    low, high = graph.columns(box, 0, 2), graph.columns(box, 2, 4)
    if settings.code == "CORNER":
        return graph("Add", box, offsets)
    size = graph("Sub", high, low)
    if settings.code == "CORNER_SIZE":
        sizes = graph("Concat", size, size, attributes={"axis": -1})
        return graph("Add", box, graph("Mul", offsets, sizes))
    half = graph.context.scalar(0.5, "half")
    middle = graph("Mul", graph("Add", low, high), half)
    centre = graph("Add", middle, graph("Mul", graph.columns(offsets, 0, 2), size))
    grown = graph("Mul", graph("Exp", graph.columns(offsets, 2, 4)), size)
    reach = graph("Mul", grown, half)
    corners = graph("Sub", centre, reach), graph("Add", centre, reach)
    return graph("Concat", *corners, attributes={"axis": -1})


def _best(graph: _Steps, settings: _Settings, confidences: Blob, boxes: Blob) -> tuple[Blob, Blob]:
    """Return the best scores of each class (N, M, T), falling, and their boxes (N, M, T, 4)."""
    every = graph.reshape(confidences, -1, settings.priors, settings.count)
    by_class = graph("Transpose", every, attributes={"perm": (0, 2, 1)})
    classes = graph.numbers(*settings.classes)
    scores = graph("Gather", by_class, classes, attributes={"axis": 1})
    scores, places = graph.topk(scores, settings.best)
    count = len(settings.classes)
    if settings.shared:
        index = graph("Reshape", places, graph.numbers(-1, count * settings.best, 1), dtype=_INT64)
        flat = graph.reshape(boxes, -1, settings.priors, 4)
        chosen = graph("GatherND", flat, index, attributes={"batch_dims": 1})
        return scores, graph.reshape(chosen, -1, count, settings.best, 4)
    index = graph("Unsqueeze", places, graph.numbers(-1), dtype=_INT64)
    by_group = graph("Transpose", boxes, attributes={"perm": (0, 2, 1, 3)})
    boxes = graph("Gather", by_group, classes, attributes={"axis": 1})
    return scores, graph("GatherND", boxes, index, attributes={"batch_dims": 2})


def _suppressed(graph: _Steps, settings: _Settings, scores: Blob, boxes: Blob) -> Blob:
    """Return the scores with -inf for those that are dropped."""
    count, best = len(settings.classes), settings.best
    solid = boxes
    if settings.code != "CENTER_SIZE":  # a box turned over has no area, and overlaps nothing
        low, high = graph.columns(boxes, 0, 2), graph.columns(boxes, 2, 4)
        solid = graph("Concat", low, graph("Max", low, high), attributes={"axis": -1})
    limits = [graph.numbers(best), graph.context.scalar(settings.overlap, "overlap")]
    if settings.confidence is not None:
        limits.append(graph.context.scalar(settings.confidence, "confidence"))
    selected = graph(
        "NonMaxSuppression",
        graph.reshape(solid, -1, best, 4),
        graph.reshape(scores, -1, 1, best),
        *limits,
        dtype=_INT64,
    )
    index = graph("Gather", selected, graph.numbers(0, 2), dtype=_INT64, attributes={"axis": 1})
    lists = graph.reshape(scores, -1, best)
    left = graph("ScatterND", graph.nothing(lists), index, graph("GatherND", lists, index))
    if settings.kept < best * count:
        images = graph.reshape(left, -1, best * count)
        kept, places = graph.topk(images, settings.kept)
        left = graph("ScatterElements", graph.nothing(images), places, kept, attributes={"axis": 1})
    return graph.reshape(left, -1, count, best)


def _rows(graph: _Steps, settings: _Settings, scores: Blob, boxes: Blob) -> Blob:
    """Return a row for each score above -inf."""
    there = graph("Greater", scores, graph.context.scalar(-np.inf, "nothing"), dtype=_BOOL)
    axes = graph("NonZero", there, dtype=_INT64)
    index = graph("Transpose", axes, dtype=_INT64, attributes={"perm": (1, 0)})
    image = graph("Cast", graph.columns(index, 0, 1), attributes={"to": ir.DataType.FLOAT.value})
    numbers = graph.context.constant(np.asarray(settings.classes, np.float32), "classes")
    label = graph("Gather", numbers, graph.columns(index, 1, 2))
    score = graph("Unsqueeze", graph("GatherND", scores, index), graph.numbers(-1))
    box = graph("GatherND", boxes, index)
    return graph("Concat", image, label, score, box, attributes={"axis": -1})


def _never_empty(graph: _Steps, confidences: Blob, rows: Blob) -> Blob:
    """Return the rows as (1, 1, K, 7); if there are none, one of -1 for each image."""
    size = {"start": 0, "end": 1}
    images = graph("Shape", confidences, dtype=_INT64, attributes=size)
    found = graph("Shape", rows, dtype=_INT64, attributes=size)
    zero = graph.numbers(0)
    missing = graph("Where", graph("Equal", found, zero, dtype=_BOOL), images, zero, dtype=_INT64)
    count = graph("Squeeze", missing, dtype=_INT64)
    numbers = graph("Range", graph.scalar(0), count, graph.scalar(1), dtype=_INT64)
    column = graph("Unsqueeze", numbers, graph.numbers(-1), dtype=_INT64)
    image = graph("Cast", column, attributes={"to": ir.DataType.FLOAT.value})
    minus = graph.context.scalar(-1.0, "minus")
    blank = graph("Pad", image, graph.numbers(0, 0, 0, 6), minus)
    every = graph("Concat", rows, blank, attributes={"axis": 0})
    return graph("Unsqueeze", every, graph.numbers(0, 1))
