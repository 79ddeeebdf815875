"""A treatment from outside of the package: weights rounded to 2^B − 1 multiples of one step."""

import numpy as np

from cortado.treatments import Look, Treatment


class Rounding(Treatment):
    """Rounds to k · s with |k| < 2^(B − 1), and s such that the largest weight is exact."""

    name = "rounding"
    levels = (3, 4, 6)
    look = Look(axis="bits of a grid", column="grid bits", phrase="rounded to {} bits")

    def requirement(self, level):
        return "" if level in range(2, 9) else "bits of a grid, a whole number from 2 to 8"

    def harshness(self, level):
        return -level

    def apply(self, layer, weights, level, selection):
        step = np.abs(weights).max() / (2 ** (level - 1) - 1)
        return weights if step == 0 else np.round(weights / step).astype(np.float32) * step
