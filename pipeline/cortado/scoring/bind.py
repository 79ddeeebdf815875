"""Binding: what a model is measured on and by, from the model, the data and what the user says.

It decides which outputs are scored and what their numbers are, how samples enter the model, how
many run at once, which metric decides, and which loss plans add up:

    labels, one score a class       accuracy; cross-entropy
    no labels, a classifier         agreement with the dense model; cross-entropy of its choices
    anything else                   relative error of all outputs; their squared relative error
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from cortado.data import TARGET, Dataset, Feed
from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.runtime import Runtime, Session, Shape
from cortado.scoring.batching import Batching, find_batching
from cortado.scoring.metrics import Metric, Scored, fallback_of, make_metric
from cortado.scoring.metrics.classes import Accuracy, CrossEntropy, Disagreement, Divergence
from cortado.scoring.metrics.relative import RelativeError
from cortado.scoring.output_forms import form_of, is_number, is_text
from cortado.scoring.task import Task
from cortado.task.criteria import Criterion
from cortado.task.metadata import read_alphabet, read_criteria
from cortado.task.outputs import (
    activation_of,
    before_sigmoid,
    check_classifying,
    choose_output,
    criterion_of,
    ends_in_product,
    main_criterion,
    main_output,
)

__all__ = ["TaskOptions", "bind"]


@dataclass(frozen=True)
class TaskOptions:
    """The options of a task.

    Attributes
    ----------
    metric : str
        The name of a metric or ``package.module:callable``; empty for the default.
    head : str or None
        The output that is scored; None for all, or the main one of a classifier.
    alphabet : tuple of str
        The characters of a text recogniser, where the model does not store them.
    raw : bool
        Feed all arrays as they are.
    """

    metric: str = ""
    head: str | None = None
    alphabet: tuple[str, ...] = ()
    raw: bool = False


def bind(
    model: ir.Model,
    data: Dataset,
    options: TaskOptions = TaskOptions(),
    runtime: Runtime = Runtime(),
) -> Task:
    """Bind a task to a model.

    Parameters
    ----------
    model : onnx_ir.Model
        The dense model; left as it is.
    data : Dataset
        The samples.
    options : TaskOptions
        What the user says.
    runtime : Runtime
        Where models run.

    Raises
    ------
    UsageError
        If the model has no such output, or the metric does not fit the data.
    CortadoError
        If the samples do not fit the inputs of the model.
    """
    feed = Feed.of(model, raw=options.raw)
    example = data.train.take(np.zeros(1, np.int64))
    feed.sources(example.inputs)
    session = runtime.open(serial.encode(model))
    chosen = _choose(model, session, data, example.targets, options.head)
    batching = find_batching(session, feed, data.train, chosen)
    if example.targets is None and ":" not in options.metric:
        batching = _of_samples(session, feed, data, batching)
    left_out = tuple(name for name in chosen if name not in batching.axes)
    chosen = list(batching.axes)
    targets = _by_output(example.targets, chosen)
    criterion = criterion_of(model, chosen[0])
    ignore = None if criterion is None else criterion.ignore
    alphabet = options.alphabet or read_alphabet(model)
    sizes = {name: _size(session.shapes[name], batching.axes[name]) for name in chosen}
    outputs = tuple(
        form_of(model, name, data, (targets or {}).get(name), sizes[name]) for name in chosen
    )
    scored = Scored(outputs, targets, alphabet, ignore, sizes, batching.shapes)
    figures = _figures(model, scored, options, session.widths[chosen[0]])
    return Task(
        model=model,
        data=data,
        feed=feed,
        outputs=outputs,
        metric=figures.metric,
        loss=figures.loss,
        divergence=figures.divergence,
        size=batching.size,
        axes=_of_values(model, batching.axes),
        runtime=runtime,
        head=options.head,
        alphabet=alphabet,
        unfit=figures.unfit,
        left_out=left_out,
    )


class _Figures(NamedTuple):
    metric: Metric
    unfit: str
    loss: Metric
    divergence: Metric


def _figures(model: ir.Model, scored: Scored, options: TaskOptions, width: int | None) -> _Figures:
    """Return what decides, and what plans add up."""
    is_classifier = _is_classifier(model, scored, criterion_of(model, scored.main.output))
    name = options.metric or _default(scored, width, is_classifier=is_classifier)
    metric = make_metric(name, scored)
    if isinstance(metric, Accuracy):
        check_classifying(model, options.head, f"the metric {metric.name}")
    return _Figures(
        metric,
        fallback_of(name, scored),
        _loss(scored, is_classifier=is_classifier),
        _divergence(scored, is_classifier=is_classifier),
    )


def _choose(
    model: ir.Model,
    session: Session,
    data: Dataset,
    targets: Mapping[str, Array] | None,
    head: str | None,
) -> list[str]:
    """Return the outputs that are scored, the main one first."""
    names = [str(value.name) for value in model.graph.outputs]
    named = [name for name in names if name in (targets or {})]
    if head is not None:
        return [choose_output(session.widths, data.classes, head)]
    if targets is None or named:
        return named or _main_first(model, names)
    return [main_output(model, session.widths, data.classes, None)]


def _of_samples(session: Session, feed: Feed, data: Dataset, batching: Batching) -> Batching:
    """Leave out outputs that are not of the samples, where others are.

    They are constants, or stand behind NonMaxSuppression, where shapes depend on the weights.
    """
    kept = [name for name, axis in batching.axes.items() if axis is not None]
    if feed.limit(data.train) is not None or not kept or len(kept) == len(batching.axes):
        return batching
    return find_batching(session, feed, data.train, kept)


def _main_first(model: ir.Model, names: Sequence[str]) -> list[str]:
    main = main_criterion(read_criteria(model))
    known = [n for n in names if main is not None and criterion_of(model, n) == main]
    return known[:1] or list(names)


def _by_output(
    given: Mapping[str, Array] | None, outputs: Sequence[str]
) -> dict[str, Array] | None:
    """Return the targets of one sample by outputs; of outputs that are not scored, none."""
    if given is None:
        return None
    named = {outputs[0] if name == TARGET else name: array for name, array in given.items()}
    return {name: array for name, array in named.items() if name in outputs}


def _is_classifier(model: ir.Model, scored: Scored, criterion: Criterion | None) -> bool:
    """Return whether the main output has one score a class: by labels, training or its last node.

    A model without labels, that remembers no training, is one if it ends in a product with weights.
    """
    if criterion is not None:
        return criterion.is_classifying
    if scored.targets is not None:
        array = scored.targets.get(scored.main.output)
        is_whole = array is not None and array.dtype.kind in "iu" and len(scored.targets) == 1
        return is_whole and not is_number(scored) and not is_text(scored)
    if len(scored.outputs) == 1 and scored.main.form == "indices":
        return True
    if len(scored.outputs) > 1 or scored.main.rank not in (None, 2):
        return False
    return scored.main.activation != "none" or ends_in_product(model, scored.main.output)


def _default(scored: Scored, width: int | None, *, is_classifier: bool) -> str:
    """Return the name of the metric that decides where the user names none.

    One number a sample says nothing of an output with a `width` of several.
    """
    if is_classifier:
        return "agreement" if scored.targets is None else "accuracy"
    targets = scored.targets or {}
    kinds = {array.dtype.kind for array in targets.values()}
    if kinds == {"U"} or is_text(scored):
        return "cer"
    is_comparable = len(targets) == 1 and kinds <= set("iuf")
    if is_comparable and width not in (None, 1):
        is_comparable = all(array.ndim > 1 for array in targets.values())
    return "mse" if is_comparable else "relative-error"


def _loss(scored: Scored, *, is_classifier: bool) -> Metric:
    if not is_classifier:
        return _noise(scored)
    if scored.main.form == "indices":
        return Disagreement(scored.main, scored.against, scored.ignore)
    return CrossEntropy(scored.main, scored.against, scored.ignore)


def _divergence(scored: Scored, *, is_classifier: bool) -> Metric:
    if not is_classifier:
        return _noise(scored)
    if scored.main.form == "indices":
        return Disagreement(scored.main, "reference")
    return Divergence(scored.main)


def _noise(scored: Scored) -> Metric:
    outputs = tuple(each.output for each in scored.outputs)
    return RelativeError(outputs, "squared-relative-error")


def _size(shape: Shape, axis: int | None) -> int | None:
    """Return the elements of an output for one sample; None where they are not fixed."""
    others = [size for at, size in enumerate(shape) if at != axis]
    sizes = [size for size in others if isinstance(size, int)]
    return math.prod(sizes) if shape and len(sizes) == len(others) else None


def _of_values(model: ir.Model, axes: Mapping[str, int | None]) -> dict[str, int | None]:
    """Return the axes of outputs, and of what enters their last activations."""
    before = {activation_of(model, name).logits: axis for name, axis in axes.items()}
    sigmoids = {before_sigmoid(model, name): axis for name, axis in axes.items()}
    return {**before, **sigmoids, **axes}
