"""The expected loss of several layers together, from the loss of each alone.

This says less than measuring them together (`cortado.stats.paired`). Their errors, on the same
images, may all point the same way, so that standard errors add up rather than variances; and
together layers may lose twice what they lose alone (a rule of thumb: it held for plans of two
LeNets that lose up to about two points, and no longer where accuracy breaks down).
"""

import math
from collections.abc import Sequence

from cortado.plan.choices import Choice
from cortado.stats.quantiles import z

__all__ = ["predict_sum"]

_TOGETHER = 2.0
"""The largest joint loss, as a multiple of the sum of the losses of single layers."""


def predict_sum(choices: Sequence[Choice]) -> tuple[float, float, float]:
    """Return the sum of what layers lost alone, and an interval of what they lose together."""
    drop = sum(choice.drop for choice in choices)
    # √2 for other images, √2 as pruning and sharing of a layer may err alike
    reach = 2 * z(0.95) * sum(math.sqrt(choice.variance) for choice in choices)
    return drop, -reach, _TOGETHER * drop + reach
