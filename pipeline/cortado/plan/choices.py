"""What each layer may become: a sparsity and bits, what it loses by them, and what it takes.

The loss of a choice is what pruning lost alone, plus what sharing lost alone, both from monotone
fits of the swept curves. The drop of the metric adds up in the same way, and so does its variance,
which the table has of each point, see `cortado.stats.paired`.

Bytes are those of the layer really pruned, really shared, really encoded. Not to prune and not to
share are choices too. Choices that lose more than another and take no less are left out later, by
the knapsack: bytes are not known before encoding, and no bound on them is tight enough to leave one
out earlier.

Sharing takes most of the time. One run of k-means gives the codebooks of all bits at a sparsity,
and choices keep theirs for the plans that they become part of.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from cortado.emit import tensor_bytes
from cortado.errors import CortadoError
from cortado.model.layers.prunable import Layer
from cortado.model.typing import FloatArray
from cortado.progress import Progress, Steps
from cortado.quantize import optimal_codebooks, share_values
from cortado.sensitivity import Curve, Row, SweepOptions, Table, changed_weights
from cortado.stats.isotonic import isotonic_fit
from cortado.stats.quantiles import z

__all__ = ["Choice", "chosen_weights", "measure_choices"]


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
        Rise of the task's loss.
    drop : float
        How much worse the metric gets, in its units.
    variance : float
        Of that.
    size : float
        Bytes of its weights.
    weights, zeros : int
        How many it has.
    codebook : array of shape (≤ 2^bits,), float32, ascending, or None
        The shared values; None: not shared.
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
    codebook: FloatArray | None = field(default=None, compare=False, repr=False)

    @property
    def left(self) -> int:
        """Weights that are not zero."""
        return self.weights - self.zeros

    @property
    def bound(self) -> float:
        """The upper end of the 95 % interval of the drop."""
        return self.drop + z(0.95) * math.sqrt(self.variance)


@dataclass(frozen=True)
class _Step:
    """A point of a fitted curve."""

    level: float
    loss: float
    drop: float
    variance: float


def measure_choices(
    layers: Sequence[Layer], table: Table, options: SweepOptions
) -> Steps[list[list[Choice]]]:
    """Return the choices of each layer; one that the table has no points of stays as it is.

    Parameters
    ----------
    layers : sequence of Layer
        Of the dense model.
    table : Table
        Of one method and seed, with the row of the dense model.
    options : SweepOptions
        How weights are chosen; of kinds that are not in it, the points are left out.

    Raises
    ------
    CortadoError
        If the table has no point of any of the layers.
    """
    curves = {(curve.layer, curve.treatment): _fit(curve) for curve in table.curves}
    if not {name for name, _ in curves} & {layer.name for layer in layers}:
        raise CortadoError("the table has no point of any layer of the model")
    rates, bits = (
        [curves.get((layer.name, kind), []) if kind in options.kinds else [] for layer in layers]
        for kind in ("prune", "bits")
    )
    swept = list(zip(layers, rates, bits, strict=True))
    total = sum(layer.array.size * (1 + len(r)) * (1 + len(b)) for layer, r, b in swept)
    done, found = 0, []
    for each in swept:
        choices = []
        for choice in _choices_of(*each, options):
            choices.append(choice)
            done += choice.weights
            yield Progress("bytes", done, total)
        found.append(choices)
    return found


def chosen_weights(layer: Layer, choice: Choice, options: SweepOptions) -> FloatArray:
    """Return the weights that a layer has by a choice."""
    pruned = _pruned(layer, choice.sparsity, options)
    return layer.rounded(_shared(pruned, choice.codebook))


def _choices_of(
    layer: Layer, rates: Sequence[_Step], bits: Sequence[_Step], options: SweepOptions
) -> Iterator[Choice]:
    nothing = _Step(0.0, 0.0, 0.0, 0.0)
    sizes = [2 ** int(share.level) for share in bits]
    for rate in (nothing, *rates):
        pruned = _pruned(layer, rate.level, options)
        nonzero = pruned[pruned != 0]
        books = optimal_codebooks(nonzero, sizes) if nonzero.size else [nonzero] * len(sizes)
        before, size = None, 0.0
        for share, codebook in zip((nothing, *bits), (None, *books), strict=True):
            array = layer.rounded(_shared(pruned, codebook))
            if before is None or array.tobytes() != before.tobytes():  # few weights share nothing
                before, size = array, _bytes(layer, array)
            yield Choice(
                layer.name,
                rate.level,
                int(share.level) or None,
                rate.loss + share.loss,
                rate.drop + share.drop,
                rate.variance + share.variance,
                size,
                array.size,
                array.size - int(np.count_nonzero(array)),
                codebook,
            )


def _pruned(layer: Layer, sparsity: float, options: SweepOptions) -> FloatArray:
    return changed_weights(layer.array, "prune", sparsity, options) if sparsity else layer.array


def _bytes(layer: Layer, weights: FloatArray) -> float:
    """Return what weights take in the type of the layer's initializer."""
    assert layer.weight.dtype is not None  # find_layers saw to it
    return tensor_bytes(weights.astype(layer.weight.dtype.numpy()))


def _shared(weights: FloatArray, codebook: FloatArray | None) -> FloatArray:
    return weights if codebook is None else share_values(weights, codebook)


def _fit(curve: Curve) -> list[_Step]:
    """Return the points of a curve, gentle ones first, with losses that never fall.

    A point whose loss or metric is not finite, as after an overflow, is none to plan with.
    """
    rows = [
        row for row in curve.rows if all(map(math.isfinite, (row.rise, _drop(row), _variance(row))))
    ]
    weights = [float(row.samples) for row in rows]
    losses = isotonic_fit([row.rise for row in rows], weights)
    drops = isotonic_fit([_drop(row) for row in rows], weights)
    variances = list(map(_variance, rows))
    return [
        _Step(row.level, max(loss, 0.0), max(drop, 0.0), variance)
        for row, loss, drop, variance in zip(rows, losses, drops, variances, strict=True)
    ]


def _drop(row: Row) -> float:
    return math.nan if row.drop is None else row.drop


def _variance(row: Row) -> float:
    """Return the variance of a drop; of one that a single sample showed, the square of it."""
    known = row.drop_variance
    return _drop(row) * _drop(row) if known is None or not math.isfinite(known) else known
