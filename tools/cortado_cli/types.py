"""The types of parameters: numbers, assignments to layers, and paths with a role.

What a parameter of a path is for stands in its type: `InputPath` is read and never written over
by a report, and is remembered without its folders; a `ReportPath` is written beside the artifact
and decides nothing.
"""

import math
from typing import Any

import click

from cortado.built_in import CODECS, names_of
from cortado.errors import UsageError
from cortado.model.layers.selector import ALL, Assignment

__all__ = ["CodecName", "Finite", "InputPath", "Number", "ReportPath", "SelectorValue"]


class InputPath(click.types.StringParamType):
    """A path that is read, or what else names an input."""


class ReportPath(click.types.StringParamType):
    """A path that is written beside the artifact."""


class Finite(click.types.FloatParamType):
    """A number, and neither NaN nor infinite."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert text, and refuse what no comparison refuses."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Number(Finite, click.FloatRange):
    """A finite number in a range."""


class CodecName(click.ParamType[str]):
    """The name of a stored form; the registry, which is slow to import, knows which there are."""

    name = "codec"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return what ``--help`` shows, in the form of a choice."""
        del param, ctx
        return f"[{'|'.join(names_of(CODECS))}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Look the name up among the codecs."""
        from cortado.storage import codec_named

        try:
            return codec_named(str(value)).name
        except UsageError as error:
            self.fail(f"{error}.", param, ctx)


class SelectorValue(click.ParamType[Assignment[Any]]):
    """``SELECTOR=VALUE``, or a bare ``VALUE`` for all layers."""

    def __init__(self, value_type: click.ParamType[Any]) -> None:
        self.value_type = value_type
        self.name = f"[SELECTOR=]{value_type.name}"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Assignment[Any]:
        """Split at the last ``=`` and convert what follows it."""
        if isinstance(value, Assignment):
            return value
        selector, _, text = str(value).rpartition("=")
        return Assignment(selector or ALL, self.value_type.convert(text, param, ctx))
