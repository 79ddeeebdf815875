"""Metrics of the user's own: ``package.module:callable``.

The callable takes two dictionaries, outputs and targets by the names of outputs, arrays of shape
(n, …), and returns n numbers, one a sample; the value is their mean. Its attributes may say more:
``higher_is_better`` (True), ``against`` (``targets`` or ``reference``), ``metric_name``.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cortado.errors import CortadoError, UsageError
from cortado.model.shape_text import show_shape
from cortado.model.typing import FloatArray
from cortado.plugins import foreign_code, import_module
from cortado.scoring.metrics.metric import Against, Outputs, mean_of

__all__ = ["OwnMetric", "import_metric"]


@dataclass(frozen=True)
class OwnMetric:
    """A function of the user's own, the mean over samples.

    Attributes
    ----------
    name : str
        What tables call it.
    option : str
        What named it, for errors: ``--metric package.module:callable``.
    function : callable
        Outputs and targets → n numbers.
    higher_is_better, against
        What the function says of itself.
    """

    name: str
    option: str
    function: Any
    higher_is_better: bool
    against: Against
    kind: Literal["binary", "mean", "pooled"] = "mean"
    usual_drop: float | None = None

    def parts(self, found: Outputs, wanted: Outputs) -> FloatArray:
        """Return what the function gives, of shape (n, 1)."""
        count = len(next(iter(found.values())))
        with foreign_code(self.option):
            values = np.asarray(self.function(dict(found), dict(wanted)), np.float64)
        if values.shape != (count,):
            raise CortadoError(
                f"{self.option} returned the shape ({show_shape(values.shape)}) "
                f"for {count} samples, not one number each"
            )
        if not np.isfinite(values).all():
            raise CortadoError(f"{self.option} returned NaN or an infinite number")
        return values[:, None]

    def value(self, parts: FloatArray) -> float:
        """Return the mean."""
        return mean_of(parts)


def import_metric(spec: str, *, labelled: bool) -> OwnMetric:
    """Return the metric that ``package.module:callable`` names.

    Raises
    ------
    CortadoError
        If it cannot be imported.
    UsageError
        If its attributes make no sense, or it needs targets and there are none.
    """
    module, _, name = spec.partition(":")
    option = f"--metric {spec}"
    function = getattr(import_module(module, option), name, None)
    if not callable(function):
        raise CortadoError(f"{option} cannot be imported: {module} has no callable {name}")
    against: Against = getattr(function, "against", "targets" if labelled else "reference")
    if against not in ("targets", "reference"):
        raise UsageError(f"{option}: against is {against!r}, not targets or reference")
    higher = bool(getattr(function, "higher_is_better", True))
    shown = str(getattr(function, "metric_name", name))
    return OwnMetric(shown, option, function, higher, against)
