"""Fields of a JSON document, each checked by a rule; what is wrong is told with its place.

A rule takes any value that JSON has and returns what the program works with, or raises `ValueError`
with the words for what the value must be.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypeGuard

from cortado.errors import CortadoError

__all__ = [
    "Rule",
    "anything",
    "integer",
    "number",
    "objects",
    "one_of",
    "or_null",
    "read_fields",
    "shape",
    "text",
]

Rule: TypeAlias = Callable[[object], Any]

_SHOWN = 40  # characters of a wrong value


def read_fields(stored: object, rules: Mapping[str, Rule], place: str) -> dict[str, Any]:
    """Return the fields of an object: those that have rules, all of them, and no others.

    Parameters
    ----------
    stored : anything that JSON has
        The object.
    rules : mapping of str to Rule
        By the names of the fields.
    place : str
        The file, and where in it: what a message begins with.

    Raises
    ------
    CortadoError
        If it is no object, a field is absent or unknown, or a value breaks its rule.
    """
    if not isinstance(stored, dict):
        raise CortadoError(f"{place} is {_show(stored)}, and must be an object with fields")
    absent = [name for name in rules if name not in stored]
    unknown = [name for name in stored if name not in rules]
    if absent:
        raise CortadoError(f"{place} lacks {absent[0]}")
    if unknown:
        raise CortadoError(f"{place} has {unknown[0]!r}, which is no field of it")
    found = {}
    for name, rule in rules.items():
        try:
            found[name] = rule(stored[name])
        except ValueError as error:
            shown = _show(stored[name])
            raise CortadoError(f"{place}: {name} is {shown}, and must be {error}") from error
    return found


def anything(value: object) -> object:
    """Take what rules of its own are for."""
    return value


def text(value: object) -> str:
    """Take a text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError("a text")


def objects(value: object) -> list[object]:
    """Take a list that is not empty."""
    if isinstance(value, list) and value:
        return value
    raise ValueError("a list that is not empty")


def shape(value: object) -> tuple[int, ...]:
    """Take the sizes of an array."""
    if isinstance(value, list) and value and all(_is_integer(v) and v > 0 for v in value):
        return tuple(value)
    raise ValueError("a list of whole numbers above 0")


def one_of(names: Collection[str]) -> Rule:
    """Make the rule for one of a few texts."""

    def rule(value: object) -> object:
        if isinstance(value, str) and value in names:
            return value
        raise ValueError(f"one of {', '.join(names)}")

    return rule


def integer(least: int, most: float = math.inf) -> Rule:
    """Make the rule for a whole number from `least` to `most`; true and false are none."""
    words = f"from {least} up" if most == math.inf else f"from {least} to {most}"

    def rule(value: object) -> object:
        if _is_integer(value) and least <= value <= most:
            return value
        raise ValueError(f"a whole number {words}")

    return rule


def number(words: str, least: float = -math.inf, below: float = math.inf) -> Rule:
    """Make the rule for a finite number from `least` to less than `below`, in some words."""

    def rule(value: object) -> float:
        if _is_integer(value) or isinstance(value, float):
            try:
                found = float(value)
            except OverflowError:  # a whole number beyond all floats
                found = math.inf
            if math.isfinite(found) and least <= found < below:
                return found
        raise ValueError(words)

    return rule


def or_null(rule: Rule) -> Rule:
    """Make the rule that also takes null, as None."""

    def either(value: object) -> object:
        if value is None:
            return None
        try:
            return rule(value)
        except ValueError as error:
            raise ValueError(f"null or {error}") from error

    return either


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    words = json.dumps(value)
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
