"""Names → losses. A further loss is a function, one in PyTorch, and a line in `built_in`.

`cortado.retrain.register_loss` adds both.
"""

from collections.abc import Callable
from typing import TypeAlias

from cortado.built_in import LOSSES, load
from cortado.errors import UsageError
from cortado.model.typing import Array
from cortado.scoring.losses.term import Term

__all__ = ["Total", "check_loss", "loss_names", "measure", "register_loss"]

Total: TypeAlias = Callable[[Term, Array, Array], tuple[float, float]]
"""Returns the sum of a loss over samples, given scores and targets, and what to divide it by."""

_LOSSES: dict[str, Total] = {each.name: load(each) for each in LOSSES}


def loss_names() -> list[str]:
    """Return the names of all losses."""
    return list(_LOSSES)


def check_loss(name: str) -> None:
    """Refuse a name that is no loss, unless it is ``package.module:callable``.

    Raises
    ------
    UsageError
        If there is no such loss.
    """
    if ":" not in name and name not in _LOSSES:
        raise UsageError(
            f"there is no loss {name!r}; there are: {', '.join(loss_names())}, "
            "package.module:callable"
        )


def register_loss(name: str, total: Total) -> None:
    """Add a loss under a name."""
    _LOSSES[name] = total


def measure(term: Term, scores: Array, targets: Array) -> tuple[float, float]:
    """Return the sum of a loss over samples, and what to divide it by.

    Parameters
    ----------
    term : Term
        The loss, which is not the user's own.
    scores : array of shape (n, …)
        What it takes.
    targets : array of shape (n, …)
        What that is compared with.

    Raises
    ------
    CortadoError
        If the targets do not fit.
    """
    return _LOSSES[term.loss](term, scores, targets)
