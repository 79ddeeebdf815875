"""Validation: a file beside a reference, its outputs, metric and latency.

options   what is validated, where and on what
inputs    what both are fed with
run       the measuring
figures   what is measured
limits    what a file must hold to
"""

from cortado.validate.figures import Latency, OutputDifference, ProviderFigures, Validation
from cortado.validate.limits import Limits, check_limits
from cortado.validate.options import Candidate, ValidateOptions
from cortado.validate.run import validate

__all__ = [
    "Candidate",
    "Latency",
    "Limits",
    "OutputDifference",
    "ProviderFigures",
    "ValidateOptions",
    "Validation",
    "check_limits",
    "validate",
]
