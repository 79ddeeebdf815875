"""``--treatment``: which treatments a command tries, and where those of the user's own are.

sweep_options      --treatment NAME[=LEVEL,…], --rates, --bits   of a sweep
own_option         --treatment package.module:name               that a table or plan names
TreatmentChoice    a treatment with its levels, as it is given
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from cortado.built_in import TREATMENTS, names_of
from cortado_cli.options import refuse_without
from cortado_cli.value_types import Numbers

__all__ = [
    "DEFAULT",
    "TreatmentChoice",
    "TreatmentType",
    "check_selecting",
    "chosen_levels",
    "know_treatments",
    "own_option",
    "sweep_options",
]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class TreatmentChoice:
    """A name, or ``package.module:name``, and levels in place of its own, if any."""

    name: str
    levels: tuple[float, ...] = ()

    def __str__(self) -> str:
        levels = ",".join(f"{level:g}" for level in self.levels)
        return f"{self.name}={levels}" if levels else self.name


DEFAULT = TreatmentChoice("prune")
"""The treatments of a sweep by default."""


class TreatmentType(click.ParamType[TreatmentChoice]):
    """``prune``, ``bits=2,3,4`` or ``package.module:name=1,2``."""

    name = "NAME[=LEVEL,…]"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> TreatmentChoice:
        """Split at the first ``=``."""
        if isinstance(value, TreatmentChoice):
            return value
        name, mark, levels = str(value).partition("=")
        return TreatmentChoice(name, Numbers().convert(levels, param, ctx) if mark else ())


def sweep_options(command: F) -> F:
    """Add ``--treatment``, and ``--rates`` and ``--bits``, short for levels of two of them."""
    for option in (
        click.option(
            "--bits",
            type=Numbers(),
            help="Bits of shared values, as in 2,3,4; by default all from 2 to 8.",
        ),
        click.option(
            "--rates",
            type=Numbers(),
            help="Fractions of zeros, as in 0.5,0.8,0.9; by default ten, denser where nets break.",
        ),
        click.option(
            "--treatment",
            "--kind",
            "treatments",
            type=TreatmentType(),
            multiple=True,
            default=(DEFAULT,),
            show_default="prune",
            help=f"What is done to a layer (repeat it): {', '.join(names_of(TREATMENTS))}, or "
            "package.module:name; with its levels, if not the usual ones.",
        ),
    ):
        command = option(command)
    return command


def own_option(text: str) -> Callable[[F], F]:
    """Add ``--treatment`` for treatments of the user's own that a file names."""
    return click.option(
        "--treatment", "treatments", multiple=True, metavar="MODULE:NAME", help=text
    )


def chosen_levels(
    chosen: Iterable[TreatmentChoice],
    rates: Sequence[float] | None,
    bits: Sequence[float] | None,
) -> dict[str, Sequence[float]]:
    """Return the levels of each treatment by its name; refuse options that would do nothing."""
    from cortado.treatments import SharedValues, Zeros, make_treatment

    short = {Zeros.name: rates, SharedValues.name: bits}
    levels = dict[str, Sequence[float]]()
    for choice in chosen:
        treatment = make_treatment(choice.name)
        levels[treatment.name] = choice.levels or short.get(treatment.name) or treatment.levels
    for name, option in ((Zeros.name, "rates"), (SharedValues.name, "bits")):
        if name not in levels:
            refuse_without(f"--treatment {name}", [option])
    return levels


def check_selecting(names: Iterable[str]) -> None:
    """Refuse options of a sweep that none of its treatments has a use for."""
    from cortado.treatments import treatment_named

    treatments = [treatment_named(name) for name in names]
    if not any(treatment.selects for treatment in treatments):
        refuse_without("a treatment that chooses weights, such as prune", ["method"])
    if not any(treatment.is_adaptive for treatment in treatments):
        refuse_without("a treatment with levels between others, such as prune", ["adaptive"])


def know_treatments(specs: Iterable[str]) -> None:
    """Register treatments of the user's own, so that files may name them."""
    from cortado.treatments import make_treatment

    for spec in specs:
        make_treatment(spec)
