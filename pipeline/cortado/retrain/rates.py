"""The learning rate at each moment, as a factor of its peak.

With p the fraction of all steps that are done:

constant    1
step        1, then 1/10 from p = 1/2, then 1/100 from p = 3/4
cosine      (1 + cos πp) / 2
one-cycle   a linear rise from 1/25 during the first 30 %, then a cosine down to 0
            (Smith and Topin 2019, 1708.07120)
"""

import math

from cortado.retrain.options import Rate, RetrainOptions

__all__ = ["learning_rate", "rate_factor"]

_WARM_UP = 0.3
_FIRST = 1 / 25


def learning_rate(options: RetrainOptions, step: int, steps: int) -> float:
    """Return the learning rate of step `step` of `steps`; a solver has a rule of its own."""
    if options.solver is not None:
        return options.solver.rate(step, steps)
    return options.peak_lr * rate_factor(options.rate, step / steps)


def rate_factor(rate: Rate, progress: float) -> float:
    """Return the learning rate, relative to its peak, after a fraction `progress` of the steps."""
    if rate == "constant":
        return 1.0
    if rate == "step":
        return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01
    if rate == "cosine":
        return _cosine(progress)
    if progress < _WARM_UP:
        return _FIRST + (1 - _FIRST) * progress / _WARM_UP
    return _cosine((progress - _WARM_UP) / (1 - _WARM_UP))


def _cosine(progress: float) -> float:
    return (1 + math.cos(math.pi * min(progress, 1.0))) / 2
