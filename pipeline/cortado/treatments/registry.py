"""The treatments by their names; `built_in` has a line for each."""

from cortado.built_in import TREATMENTS, load
from cortado.errors import UsageError
from cortado.treatments.own import import_treatment
from cortado.treatments.treatment import Treatment

__all__ = [
    "DENSE",
    "SKIPPED",
    "UNTREATED",
    "all_treatments",
    "make_treatment",
    "register",
    "treatment_named",
]

DENSE = "dense"
"""The entry of tables in place of a treatment for the model as it is."""

SKIPPED = "skipped"
"""The entry of tables in place of a treatment for layers that cannot be treated."""

UNTREATED = (DENSE, SKIPPED)
"""The entries of tables in place of a treatment."""

_TREATMENTS: dict[str, Treatment] = {each.name: load(each)() for each in TREATMENTS}


def register(treatment: Treatment) -> None:
    """Add a treatment, or put it in the place of one of its name.

    Raises
    ------
    UsageError
        If its name stands for something else in tables.
    """
    if treatment.name in ("", *UNTREATED):
        raise UsageError(f"a treatment cannot have the name {treatment.name!r}")
    _TREATMENTS[treatment.name] = treatment


def all_treatments() -> tuple[Treatment, ...]:
    """Return the treatments in the order in which they are applied to one layer."""
    return tuple(sorted(_TREATMENTS.values(), key=lambda treatment: treatment.order))


def treatment_named(name: str) -> Treatment:
    """Return a treatment.

    Raises
    ------
    UsageError
        If no such name is registered.
    """
    if name not in _TREATMENTS:
        known = ", ".join(each.name for each in all_treatments())
        raise UsageError(
            f"there is no treatment {name!r}; there are: {known}, and package.module:name"
        )
    return _TREATMENTS[name]


def make_treatment(spec: str) -> Treatment:
    """Return the treatment that a name, or ``package.module:name``, stands for.

    One from outside is registered too: tables and plans know it by its own name.

    Raises
    ------
    CortadoError
        If it cannot be imported.
    UsageError
        If there is no such treatment.
    """
    if ":" not in spec:
        return treatment_named(spec)
    treatment = import_treatment(spec)
    register(treatment)
    return treatment
