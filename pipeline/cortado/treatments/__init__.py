"""Treatments: what a sweep tries, a plan chooses and a compression carries out.

treatment       what every treatment answers: its levels, how it is applied, how it is shown
zeros           ``prune``: the weights of least importance become zero
shared_values   ``bits``: the weights that are not zero share 2^B values
own             treatments of the user's own, by ``package.module:name``
registry        the treatments by their names

A further treatment is a module with a class that derives from `Treatment`, and one line in
`cortado.built_in`; from outside the package, a call of `register`.
"""

from cortado.treatments.registry import (
    DENSE,
    SKIPPED,
    UNTREATED,
    all_treatments,
    make_treatment,
    register,
    treatment_named,
)
from cortado.treatments.shared_values import SharedValues
from cortado.treatments.treatment import (
    Change,
    Contents,
    Look,
    Selection,
    Treatment,
    contents_of,
    encoded_bytes,
)
from cortado.treatments.zeros import Zeros

__all__ = [
    "DENSE",
    "SKIPPED",
    "UNTREATED",
    "Change",
    "Contents",
    "Look",
    "Selection",
    "SharedValues",
    "Treatment",
    "Zeros",
    "all_treatments",
    "contents_of",
    "encoded_bytes",
    "make_treatment",
    "register",
    "treatment_named",
]
