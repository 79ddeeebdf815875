"""Names → metrics. A further metric is a class in a module of its own and a line in `built_in`.

A name may end in a number: ``top-5``, ``iou@0.3``.
"""

import re
from dataclasses import replace

from cortado.built_in import METRICS, load
from cortado.errors import UsageError
from cortado.scoring.metrics.form import ANY_NUMBER, Factory, MetricForm, NumberRule, TargetKind
from cortado.scoring.metrics.metric import Metric, Scored
from cortado.scoring.metrics.own import import_metric

__all__ = ["fallback_of", "make_metric", "metric_names", "metric_title", "register_metric"]

_NAME = re.compile(r"(?P<name>[a-z][a-z-]*?)(?P<mark>[-@])(?P<number>\d+(?:\.\d+)?)")

_WRITTEN = {each.name: each.written or each.name for each in METRICS}
_METRICS: dict[str, MetricForm] = {each.name: load(each) for each in METRICS}


def metric_names() -> list[str]:
    """Return the names of all metrics, as lists write them."""
    return [_WRITTEN.get(name, name) for name in _METRICS]


def register_metric(
    name: str,
    factory: Factory,
    title: str = "",
    number: NumberRule = ANY_NUMBER,
    takes: tuple[TargetKind, ...] = ("labels", "arrays", "texts"),
) -> None:
    """Add a metric under a name, which ``--metric`` then takes; see `MetricForm`."""
    _METRICS[name] = MetricForm(factory, title, number, takes)


def make_metric(spec: str, scored: Scored) -> Metric:
    """Return the metric that a name, or ``package.module:callable``, stands for.

    Where the name ends in a number, so does that of the metric.

    Parameters
    ----------
    spec : str
        What ``--metric`` says.
    scored : Scored
        The outputs that it is for.

    Raises
    ------
    UsageError
        If there is no such metric, its number makes no sense, or it needs targets.
    CortadoError
        If it needs other targets.
    """
    if ":" in spec:
        return import_metric(spec, labelled=scored.targets is not None)
    form, number = _form_of(spec)
    form.check_targets(scored, spec)
    return form.make(_seen_by(form, scored), number)


def fallback_of(spec: str, scored: Scored) -> str:
    """Return the targets in place of which a metric takes the dense model; empty if it does not.

    Errors are those of `make_metric`.
    """
    return "" if ":" in spec else _form_of(spec)[0].misfit(scored)


def metric_title(name: str) -> str:
    """Return the name of a metric as texts have it: ``accuracy``, ``CER``, ``IoU@0.3``."""
    match = _NAME.fullmatch(name)
    known = name if match is None else match["name"]
    title = _METRICS[known].title if known in _METRICS else ""
    return (title or known) + name[len(known) :]


def _form_of(spec: str) -> tuple[MetricForm, float | None]:
    """Return what a name stands for, and the number at its end."""
    form = _METRICS.get(spec)
    if form is not None and not form.number.is_needed:
        return form, None
    match = _NAME.fullmatch(spec)
    if match is None or match["name"] not in _METRICS:
        raise UsageError(
            f"there is no metric {spec!r}; there are: {', '.join(metric_names())}, "
            "package.module:callable"
        )
    form, number = _METRICS[match["name"]], float(match["number"])
    if not form.number.words:
        raise UsageError(f"the metric {match['name']} takes no number, and {spec} has one")
    if not form.number.holds(number):
        raise UsageError(f"the number of the metric {spec} must be {form.number.words}")
    return form, number


def _seen_by(form: MetricForm, scored: Scored) -> Scored:
    return replace(scored, targets=None) if form.misfit(scored) else scored
