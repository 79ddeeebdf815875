"""What a plan loses on images that nobody has looked at: 95 % prediction intervals.

Of n validation images, b are right in the dense model alone and c in the changed one alone. The
drop d = (b − c) / n is itself drawn by chance, and so is that of n other images; with changes as
frequent in both, the two differ by a variance of 2 (b + c − n d²) / n². Where the other images lose
more than these, though, changes are more frequent than b + c tells. The score method (Wilson 1927)
takes the frequency that both sets together would show, which makes the reach r a root of
(n r)² = z² (2 (b + c − n d²) + n r):

    r = (z²/2 + √(z⁴/4 + 2 z² (b + c − n d²))) / n,       min(d, 0) − r … d + r

At most 1 of 40 times other images lose more, also where b and c are few. More than n of them only
vary less.

Why not d − r below: it would hold for images that are new to the dense model as well. Most models
that are imported were trained on the validation images too, and are right on nearly all of them,
so that there is next to nothing to gain there, c ≈ 0, whereas on new images a change gains some of
what it loses. Gains are hence taken to lie between as frequent as here, and as frequent as losses:
between a drop of d and none.

What it does not cover: images of another kind, on which losses are more frequent; and that the
smallest of several plans was taken because its r + d is low, which luck does too: of plans that are
chosen in this way, 2 to 5 of 100 lose more than r + d on other images, rather than 2.5.

Layers measured alone say less. Their errors, on the same images, may all point the same way, so
that standard errors add up rather than variances; and together layers may lose twice what they
lose alone (a rule of thumb: it held for plans of two LeNets that lose up to about two points, and
no longer where accuracy breaks down).
"""

import math
from collections.abc import Sequence

from cortado.plan.choices import Choice
from cortado.stats.intervals import Z

__all__ = ["predict_drop", "predict_sum"]

_TOGETHER = 2.0
"""What layers lose together, as a multiple of the sum of what each loses alone: at most."""


def predict_drop(lost: int, gained: int, images: int) -> tuple[float, float, float]:
    """Return the drop on some images, and the interval of that on as many others.

    Parameters
    ----------
    lost, gained : int
        Images that only the dense model gets right, and that only the changed one does.
    images : int
        All images that were looked at, ≥ 1.

    Returns
    -------
    drop, low, high : float
        As fractions of the images.
    """
    drop = (lost - gained) / images
    changed = lost + gained - (lost - gained) * drop
    reach = (Z**2 / 2 + math.sqrt(Z**4 / 4 + 2 * Z**2 * changed)) / images
    return drop, min(drop, 0.0) - reach, drop + reach


def predict_sum(choices: Sequence[Choice]) -> tuple[float, float, float]:
    """Return the sum of what layers lost alone, and an interval of what they lose together."""
    drop = sum(choice.drop for choice in choices)
    # √2 for other images, √2 as pruning and sharing of a layer may err alike
    reach = 2 * Z * sum(math.sqrt(choice.variance) for choice in choices)
    return drop, -reach, _TOGETHER * drop + reach
