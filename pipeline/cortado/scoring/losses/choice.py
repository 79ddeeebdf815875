"""The values of ``--loss``: ``NAME``, ``OUTPUT=NAME``, and a weight behind ``*``."""

import math
from dataclasses import dataclass

from cortado.errors import UsageError
from cortado.scoring.losses.registry import check_loss

__all__ = ["LossChoice", "parse_loss"]


@dataclass(frozen=True)
class LossChoice:
    """A loss that the user chose.

    Attributes
    ----------
    loss : str
        A name, or ``package.module:callable``.
    output : str or None
        The output that it is for; None for all that are trained.
    weight : float
        The factor in the sum that is minimized.
    """

    loss: str
    output: str | None = None
    weight: float = 1.0


def parse_loss(text: str) -> LossChoice:
    """Return the choice that ``[OUTPUT=]NAME[*WEIGHT]`` stands for.

    Raises
    ------
    UsageError
        If there is no such loss, or the weight is no positive number.
    """
    output, equals, rest = text.rpartition("=")
    name, star, factor = rest.partition("*")
    try:
        weight = float(factor) if star else 1.0
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf or (equals and not output):
        raise UsageError(f"--loss {text}: it is NAME, OUTPUT=NAME or OUTPUT=NAME*WEIGHT")
    check_loss(name)
    return LossChoice(name, output if equals else None, weight)
