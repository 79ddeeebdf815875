"""Names → metrics. A further metric is a class in a module of its own and a line in `_METRICS`.

A name may end in a number: ``top-5``, ``iou@0.3``.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from cortado.errors import UsageError
from cortado.scoring.metrics.classes import Accuracy, CrossEntropy, Divergence, is_per_sample
from cortado.scoring.metrics.distances import Distance
from cortado.scoring.metrics.masks import Overlap
from cortado.scoring.metrics.metric import Against, Metric, Scored
from cortado.scoring.metrics.own import import_metric
from cortado.scoring.metrics.relative import RelativeError
from cortado.scoring.metrics.text import CharacterErrors

__all__ = ["Factory", "make_metric", "metric_names", "register_metric"]

Factory: TypeAlias = Callable[[Scored, float | None], Metric]
"""Makes a metric for some outputs; the number is the one behind the name, if any."""

_NAME = re.compile(r"(?P<name>[a-z][a-z-]*?)(?:[-@](?P<number>\d+(?:\.\d+)?))?")


def _against(scored: Scored) -> Against:
    return "reference" if scored.targets is None else "targets"


def _need_targets(scored: Scored, name: str) -> Against:
    if scored.targets is None:
        raise UsageError(
            f"the metric {name} needs labels, and the data have none: agreement, relative-error "
            "and others compare with the dense model instead"
        )
    return "targets"


def _accuracy(scored: Scored, number: float | None) -> Metric:
    top_k, per_sample = int(number or 1), is_per_sample(scored)
    against = _need_targets(scored, "accuracy" if number is None else f"top-{top_k}")
    return Accuracy(scored.main, against, per_sample, top_k, scored.ignore)


def _agreement(scored: Scored, number: float | None) -> Metric:  # noqa: ARG001
    return Accuracy(scored.main, "reference", is_flat_output(scored))


def is_flat_output(scored: Scored) -> bool:
    """Return whether the main output has one score a class and sample."""
    return scored.main.rank in (None, 2)


def _distance(name: str) -> Factory:
    def make(scored: Scored, number: float | None) -> Metric:  # noqa: ARG001
        return Distance(name, scored.names, _against(scored))

    return make


def _relative_error(scored: Scored, number: float | None) -> Metric:  # noqa: ARG001
    return RelativeError(tuple(o.output for o in scored.outputs))


_METRICS: dict[str, Factory] = {
    "accuracy": _accuracy,
    "top": _accuracy,
    "agreement": _agreement,
    "relative-error": _relative_error,
    "cosine": _distance("cosine"),
    "mse": _distance("mse"),
    "psnr": _distance("psnr"),
    "kl": lambda scored, _: Divergence(scored.main),
    "cross-entropy": lambda scored, _: CrossEntropy(scored.main, _against(scored), scored.ignore),
    "iou": lambda scored, n: Overlap(scored.main, _against(scored), 0.5 if n is None else n),
    "cer": lambda scored, _: CharacterErrors(scored.main, scored.alphabet, _against(scored)),
}


def metric_names() -> list[str]:
    """Return the names of all metrics."""
    return ["top-K" if name == "top" else name for name in _METRICS]


def register_metric(name: str, factory: Factory) -> None:
    """Add a metric under a name, which ``--metric`` then takes."""
    _METRICS[name] = factory


def make_metric(spec: str, scored: Scored) -> Metric:
    """Return the metric that a name, or ``package.module:callable``, stands for.

    Parameters
    ----------
    spec : str
        What ``--metric`` says.
    scored : Scored
        The outputs that it is for.

    Raises
    ------
    UsageError
        If there is no such metric, or it needs labels and there are none.
    """
    if ":" in spec:
        return import_metric(spec, labelled=scored.targets is not None)
    if spec in _METRICS and spec != "top":
        return _METRICS[spec](scored, None)
    match = _NAME.fullmatch(spec)
    if match is None or match["name"] not in _METRICS or match["number"] is None:
        raise UsageError(
            f"there is no metric {spec!r}; there are: {', '.join(metric_names())}, "
            "package.module:callable"
        )
    return _METRICS[match["name"]](scored, float(match["number"]))
