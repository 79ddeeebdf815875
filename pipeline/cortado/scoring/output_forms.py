"""The form of an output, from the graph and the targets beside it.

integers behind an ArgMax       classes
integers beside integers        classes
numbers beside 0 and 1          answers, yes or no
steps beside shorter rows       texts, as rows of classes
anything else                   scores of classes, or numbers
"""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from cortado.data import TARGET, Dataset
from cortado.data.batches import index_batches
from cortado.model.typing import Array
from cortado.scoring.metrics import Scored
from cortado.scoring.metrics.class_rows import IGNORED
from cortado.task.outputs import Scores, activation_of, binary, criterion_of

__all__ = ["form_of", "is_number", "is_text"]

_SEEN = 64  # samples whose targets say whether they are yes or no
_YES_OR_NO = 2  # classes


def form_of(
    model: ir.Model, name: str, data: Dataset, target: Array | None, size: int | None
) -> Scores:
    """Return what the numbers of an output are, beside a `target` of as many.

    Integers beside integers are classes; other numbers beside 0 and 1 say yes or no. A loss that
    the model remembers says more.
    """
    scores = activation_of(model, name)
    if criterion_of(model, name) is not None:
        return scores
    if scores.form == "indices":
        return replace(scores, classes=_classes_before(model, scores))
    if target is None or target.dtype.kind not in "iub" or target.size != size:
        return scores
    value = next(each for each in model.graph.outputs if each.name == name)
    if value.dtype is not None and value.dtype.is_integer():
        return replace(scores, form="indices")
    return binary(model, scores) if _says_yes(name, data) else scores


def _says_yes(name: str, data: Dataset) -> bool:
    """Return whether targets are 0 and 1, as some samples that are alike show."""
    if data.classes > _YES_OR_NO:
        return False
    seen = data.train.take(next(index_batches(data.train, _SEEN))).targets or {}
    return bool(np.isin(seen.get(name, seen.get(TARGET, 0)), (0, 1, IGNORED)).all())


def _classes_before(model: ir.Model, scores: Scores) -> int | None:
    """Return the number of classes that an ArgMax chooses from, by the shapes of the graph."""
    infer = ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)
    return activation_of(infer(model.clone()).model, scores.output).classes


def is_text(scored: Scored) -> bool:
    """Return whether targets are texts as rows of classes, for scores (1, steps, classes).

    Rows are shorter than the steps: a recogniser learns which steps the classes belong to.
    """
    array = (scored.targets or {}).get(scored.main.output)
    shape = scored.shapes[scored.main.output]
    if array is None or array.dtype.kind not in "iu" or array.ndim != 2 or len(shape) != 3:
        return False
    return scored.main.form == "scores" and array.shape[1] not in shape[1:]


def is_number(scored: Scored) -> bool:
    """Return whether the main output has one number where a target has one, which is no class."""
    array = (scored.targets or {})[scored.main.output]
    is_one = scored.sizes.get(scored.main.output) == array.size
    return is_one and scored.main.form == "scores"
