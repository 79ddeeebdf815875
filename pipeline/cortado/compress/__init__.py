"""Everything in one go: dense model and data in, small checked file out.

options       how far to go, and how much time to take for it
stages        what is compressed, and the models on the way, judged on validation images
stage_curves  what each layer of such a model can lose
trained       retrained reference → ladder → weight sharing
ladder        prune rung by rung, while the metric is within the limit
share         bits for each layer, and shared values that are trained
untrained     plans from a sweep, least squares, weight sharing, least squares
search        along a chain of plans, as far as they hold
passes        one of both ways → emitted file → validation on test images
account       what was done, in figures: bytes of stages and layers, and curves of the dense model
"""

from cortado.compress.account import (
    Account,
    StageAccount,
    TensorAccount,
    account_for,
    sweep_beside,
)
from cortado.compress.options import (
    EFFORTS,
    CompressOptions,
    Effort,
    EffortName,
)
from cortado.compress.passes import Compressed, compress

__all__ = [
    "EFFORTS",
    "Account",
    "CompressOptions",
    "Compressed",
    "Effort",
    "EffortName",
    "StageAccount",
    "TensorAccount",
    "account_for",
    "compress",
    "sweep_beside",
]
