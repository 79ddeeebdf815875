"""Assignments to layers: ``SELECTOR=VALUE``.

A selector is a layer's name, a glob (``fc*``) or a regular expression (``re:^fc[67]$``). The
last assignment that matches a layer wins; one that matches no layer is an error, as it is
more often a typing mistake than a wish.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Generic, TypeVar

from cortado.errors import CortadoError, UsageError

if TYPE_CHECKING:  # layers import numpy and onnx_ir, which reading a command line needs not
    from cortado.model.layers.prunable import Layer

__all__ = ["ALL", "Assignment", "assign", "matches"]

T = TypeVar("T")

ALL = "*"
"""The selector of a bare ``VALUE``."""


@dataclass(frozen=True)
class Assignment(Generic[T]):
    """One ``SELECTOR=VALUE``."""

    selector: str
    value: T


def assign(
    layers: "Sequence[Layer]", assignments: Sequence[Assignment[T]]
) -> dict[str, Assignment[T]]:
    """Return the winning assignment of each layer that has one.

    Returns
    -------
    dict of str to Assignment
        Initializer name (`Layer.key`) → assignment, in the order of the layers.

    Raises
    ------
    UsageError
        If a selector matches no layer.
    CortadoError
        If there is no layer at all.
    """
    if not layers:
        raise CortadoError("the model has no prunable layer; `cortado inspect` says why")
    for assignment in assignments:
        if not any(matches(assignment.selector, layer) for layer in layers):
            names = ", ".join(layer.name for layer in layers)
            raise UsageError(f"the selector {assignment.selector!r} matches none of: {names}")
    winners: dict[str, Assignment[T]] = {}
    for layer in layers:
        matching = [a for a in assignments if matches(a.selector, layer)]
        if matching:
            winners[layer.key] = matching[-1]
    return winners


def matches(selector: str, layer: "Layer") -> bool:
    """Return whether a selector matches any of the names of a layer."""
    if selector.startswith("re:"):
        try:
            pattern = re.compile(selector.removeprefix("re:"))
        except re.error as error:
            raise UsageError(
                f"the selector {selector!r} is no regular expression: {error}"
            ) from error
        return any(pattern.search(name) for name in layer.aliases)
    return selector in layer.aliases or any(fnmatchcase(name, selector) for name in layer.aliases)
