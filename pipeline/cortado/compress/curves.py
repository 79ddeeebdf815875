"""What each layer of a model on the way can lose, on some of the validation images."""

from collections.abc import Sequence

import onnx_ir as ir

from cortado.compress.stages import Task
from cortado.data import subset
from cortado.sensitivity import Images, Kind, SweepOptions, Table, sweep
from cortado.steps import Steps

__all__ = ["BITS", "measure_curves"]

BITS = (2, 3, 4, 5, 6, 7, 8)


def measure_curves(
    task: Task,
    model: ir.Model,
    kinds: tuple[Kind, ...],
    rates: Sequence[float],
    bits: Sequence[int] = BITS,
) -> Steps[Table]:
    """Sweep a model; parameters are those of `SweepOptions`, the effort says how many images."""
    samples = subset(task.data.val, task.effort.images)
    options = task.options
    asked = SweepOptions(
        kinds=kinds,
        rates=tuple(rates),
        bits=tuple(bits),
        workers=options.workers,
        seed=options.seed,
    )
    images = Images(samples, task.data.classes, task.head)
    return (yield from sweep(model, images, asked))
