"""What each layer of a model on the way can lose, on some images."""

from collections.abc import Sequence

import onnx_ir as ir

from cortado.compress.options import CompressOptions
from cortado.progress import Steps
from cortado.sensitivity import DEFAULT_BITS, Kind, SweepOptions, Swept, Table, sweep

__all__ = ["measure_curves"]


def measure_curves(
    swept: Swept,
    model: ir.Model,
    options: CompressOptions,
    kinds: tuple[Kind, ...],
    rates: Sequence[float],
    bits: Sequence[int] = DEFAULT_BITS,
) -> Steps[Table]:
    """Sweep a model; `kinds`, `rates` and `bits` are those of `SweepOptions`."""
    asked = SweepOptions(
        kinds=kinds,
        rates=tuple(rates),
        bits=tuple(bits),
        workers=options.workers,
        seed=options.seed,
    )
    return (yield from sweep(model, swept, asked))
