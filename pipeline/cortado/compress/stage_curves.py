"""Sensitivity curves of the layers of an intermediate model, on some samples."""

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from cortado.compress.options import CompressOptions
from cortado.progress import Steps
from cortado.sensitivity import SweepOptions, Swept, Table, sweep
from cortado.treatments import SharedValues, treatment_named

__all__ = ["levels_of", "measure_curves"]


def levels_of(options: CompressOptions) -> dict[str, tuple[float, ...]]:
    """Return the levels of each treatment that a compression tries, by its name."""
    levels = {name: treatment_named(name).levels for name in options.treatments}
    if options.bits is not None and SharedValues.name in levels:
        known = levels[SharedValues.name]
        levels[SharedValues.name] = tuple(level for level in known if level <= options.bits)
    return levels


def measure_curves(
    swept: Swept, model: ir.Model, options: CompressOptions, levels: Mapping[str, Sequence[float]]
) -> Steps[Table]:
    """Sweep a model; `levels` are the treatments of `SweepOptions`."""
    asked = SweepOptions(treatments=levels, workers=options.workers, seed=options.seed)
    return (yield from sweep(model, swept, asked))
