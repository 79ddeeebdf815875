"""What each layer may become: a sparsity and bits, what it loses by them, and what it takes.

The loss of a choice is what pruning lost alone, plus what sharing lost alone, both from monotone
fits of the swept curves. Its bytes are those of the layer really pruned, really shared, really
encoded. Not to prune and not to share are choices too. Choices that lose more than another and
take no less are left out later, by the knapsack.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cortado.emit import tensor_bytes
from cortado.model.layers import Layer
from cortado.plan.isotonic import isotonic_fit
from cortado.sensitivity import Curve, SweepOptions, Table, changed_weights
from cortado.steps import Progress, Steps

__all__ = ["Choice", "Z", "measure_choices"]

Z = 1.959963984540054
"""Standard deviations on either side in a 95 % interval of a normal distribution."""


@dataclass(frozen=True)
class Choice:
    """One way to make a layer smaller.

    Attributes
    ----------
    layer : str
        Its name.
    sparsity : float
        The rate at which it is pruned; 0 is not at all.
    bits : int or None
        2^bits shared values; None: not shared.
    loss : float
        Rise of the cross-entropy, in nats.
    drop : float
        Fall of the accuracy.
    variance : float
        Of that fall.
    size : float
        Bytes of its weights.
    weights, zeros : int
        How many it has.
    """

    layer: str
    sparsity: float
    bits: int | None
    loss: float
    drop: float
    variance: float
    size: float
    weights: int
    zeros: int

    @property
    def left(self) -> int:
        """Weights that are not zero."""
        return self.weights - self.zeros

    @property
    def bound(self) -> float:
        """The upper end of the 95 % interval of the drop."""
        return self.drop + Z * math.sqrt(self.variance)


@dataclass(frozen=True)
class _Step:
    """A point of a fitted curve."""

    rate: float
    loss: float
    drop: float
    variance: float


def measure_choices(
    layers: Sequence[Layer], table: Table, options: SweepOptions
) -> Steps[list[list[Choice]]]:
    """Return the choices of each layer that the table has points of.

    Parameters
    ----------
    layers : sequence of Layer
        Of the dense model.
    table : Table
        Of one method and seed, with the row of the dense model.
    options : SweepOptions
        How weights are chosen.
    """
    curves = {(curve.layer, curve.kind): curve for curve in table.curves}
    found = []
    for done, layer in enumerate(layers):
        prune, bits = (curves.get((layer.name, kind)) for kind in ("prune", "bits"))
        if prune or bits:
            yield Progress("bytes", done, len(layers))
            found.append(_choices_of(layer, _fit(prune), _fit(bits), options))
    return found


def _choices_of(
    layer: Layer, rates: Sequence[_Step], bits: Sequence[_Step], options: SweepOptions
) -> list[Choice]:
    nothing = _Step(0.0, 0.0, 0.0, 0.0)
    found = []
    for rate in (nothing, *rates):
        pruned = (
            changed_weights(layer.array, "prune", rate.rate, options) if rate.rate else layer.array
        )
        for share in (nothing, *bits):
            array = changed_weights(pruned, "bits", share.rate, options) if share.rate else pruned
            found.append(
                Choice(
                    layer.name,
                    rate.rate,
                    int(share.rate) or None,
                    rate.loss + share.loss,
                    rate.drop + share.drop,
                    rate.variance + share.variance,
                    tensor_bytes(array),
                    array.size,
                    array.size - int(np.count_nonzero(array)),
                )
            )
    return found


def _fit(curve: Curve | None) -> list[_Step]:
    """Return the points of a curve, gentle ones first, with losses that never fall."""
    if curve is None:
        return []
    rows, weights = curve.rows, [float(row.samples) for row in curve.rows]
    losses = isotonic_fit([row.rise for row in rows], weights)
    drops = isotonic_fit([row.drop for row in rows], weights)
    variances = [((r.lost or 0) + (r.gained or 0) + 1) / r.samples**2 for r in rows]
    return [
        _Step(row.rate, max(loss, 0.0), max(drop, 0.0), variance)
        for row, loss, drop, variance in zip(rows, losses, drops, variances, strict=True)
    ]
