"""The limits of a file, and the error where one is not met."""

from dataclasses import dataclass

from cortado.errors import LimitNotMetError
from cortado.scoring.limit import is_within
from cortado.validate.figures import OutputDifference, ProviderFigures, Validation

__all__ = ["Limits", "check_limits"]

_ROUNDING = 1e-9  # images: a limit of 0.002 is 20 of 10,000, and not 19.999999999999996


@dataclass(frozen=True)
class Limits:
    """The limits of a file; None is no limit.

    Attributes
    ----------
    atol, rtol : float or None
        The largest absolute and relative difference of an output.
    max_drop : float or None
        How much worse the metric may be than the reference's, in its own units.
    floor : float or None
        The worst value of the metric: the smallest, or the largest where lower is better.
    """

    atol: float | None = None
    rtol: float | None = None
    max_drop: float | None = None
    floor: float | None = None


def check_limits(validation: Validation, limits: Limits) -> None:
    """Raise `LimitNotMetError` if the file misses a limit on any provider."""
    for figures in validation.found:
        for difference in figures.differences:
            _check_difference(figures.provider, difference, limits)
        if limits.max_drop is not None and validation.reference is not None:
            _check_drop(figures, validation.reference, limits.max_drop)
        if limits.floor is not None:
            _check_floor(figures, limits.floor)


def _check_difference(provider: str, found: OutputDifference, limits: Limits) -> None:
    for name, value, limit in (
        ("atol", found.absolute, limits.atol),
        ("rtol", found.relative, limits.rtol),
    ):
        if limit is not None and not value <= limit:  # NaN is never within a limit
            raise LimitNotMetError(
                f"output {found.output} differs by {value:.2g} on {provider}, "
                f"more than the {name} of {limit:g}"
            )


def _check_drop(figures: ProviderFigures, reference: ProviderFigures, limit: float) -> None:
    found, expected = figures.evaluation, reference.evaluation
    if found is None or expected is None:
        return
    worse = expected.worse_by(found)
    if worse > limit + _ROUNDING / max(expected.samples, 1):
        verb = "fell" if expected.higher_is_better else "rose"
        raise LimitNotMetError(
            f"{expected.metric} {verb} from {expected.value:.4f} to {found.value:.4f} on "
            f"{figures.provider}, by more than {limit:g}"
        )


def _check_floor(figures: ProviderFigures, floor: float) -> None:
    found = figures.evaluation
    if found is None:
        return
    better = 1 if found.higher_is_better else -1
    value = found.value + better * _ROUNDING / max(found.samples, 1)
    if not is_within(value, floor, higher_is_better=found.higher_is_better):
        side = "below" if found.higher_is_better else "above"
        raise LimitNotMetError(
            f"{found.metric} is {found.value:.4f} on {figures.provider}, {side} the floor of "
            f"{floor:g}"
        )
