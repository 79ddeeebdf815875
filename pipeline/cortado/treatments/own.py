"""Treatments of the user's own: ``package.module:name``, a `Treatment` or a class of one.

Files never import code: a table or a plan says the treatment's own name, and the command line
which module has it.
"""

from cortado.errors import CortadoError, UsageError
from cortado.plugins import foreign_code, import_module
from cortado.treatments.treatment import Look, Treatment

__all__ = ["import_treatment"]


def import_treatment(spec: str) -> Treatment:
    """Return the treatment that ``package.module:name`` stands for.

    Raises
    ------
    CortadoError
        If it cannot be imported or made.
    UsageError
        If it is no treatment, or lacks a name, levels or how it is shown.
    """
    place = f"--treatment {spec}"
    module, _, name = spec.partition(":")
    found = getattr(import_module(module, place), name, None)
    if found is None:
        raise CortadoError(f"{place} cannot be imported: {module} has no {name}")
    if isinstance(found, type):
        with foreign_code(place):
            found = found()
    if not isinstance(found, Treatment):
        raise UsageError(f"{place} is no treatment: it does not derive from cortado's Treatment")
    with foreign_code(place):
        fault = _fault_of(found)
    if fault:
        raise UsageError(f"{place}: {fault}")
    return found


def _fault_of(treatment: Treatment) -> str:
    """Return what a treatment lacks; empty if it is complete."""
    if not isinstance(getattr(treatment, "name", None), str) or not treatment.name.isprintable():
        return "its name is no text"
    if not isinstance(getattr(treatment, "look", None), Look):
        return "its look is no Look"
    if not getattr(treatment, "levels", ()):
        return "it has no levels"
    return next(filter(None, map(treatment.fault, treatment.levels)), "")
