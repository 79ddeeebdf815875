"""The options of a validation: models, providers and data."""

from dataclasses import dataclass

import onnx_ir as ir

from cortado.data import Samples
from cortado.runtime import Runtime
from cortado.scoring.task import Task

__all__ = ["Candidate", "ValidateOptions"]


@dataclass(frozen=True)
class Candidate:
    """A file: its bytes as onnxruntime loads them, and the model that they hold."""

    data: bytes
    model: ir.Model


@dataclass(frozen=True)
class ValidateOptions:
    """The options of a validation.

    Attributes
    ----------
    runtimes : tuple of Runtime
        Where the file runs; the reference runs on the first.
    task : Task or None
        What the metric is; None measures none.
    samples : Samples or None
        The samples that it is measured on, the test part of a data set.
    latency_batch : int
        Samples a batch for the latency; 0 measures none.
    """

    runtimes: tuple[Runtime, ...] = (Runtime(),)
    task: Task | None = None
    samples: Samples | None = None
    latency_batch: int = 0

    @classmethod
    def of_test(cls, task: Task) -> "ValidateOptions":
        """Measure the metric of a task on the whole test part, where the task runs."""
        return cls((task.runtime,), task, task.data.test)
