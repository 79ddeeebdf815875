"""A task: what a model is measured on and by, settled once by `bind`.

A bound task holds for every model that a pass makes of the one it was bound to: inputs, outputs and
their names stay.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from cortado.data import TARGET, Dataset, Feed, Samples, feed_batches
from cortado.model.onnx_io import serial
from cortado.model.typing import Array, IntArray
from cortado.runtime import Runtime, Session
from cortado.scoring.metrics import Against, Metric
from cortado.task.outputs import Scores

__all__ = ["Answer", "Task"]


class Answer(NamedTuple):
    """The outputs of a model for a batch of n samples.

    Attributes
    ----------
    outputs : dict of str to array
        The scored outputs, of shape (n, …).
    targets : dict of str to array, or None
        By the outputs that they belong to, of shape (n, …).
    indices : array of shape (n,), int64
        Which of the samples they are.
    """

    outputs: dict[str, Array]
    targets: dict[str, Array] | None
    indices: IntArray


@dataclass(frozen=True)
class Task:
    """The samples, outputs, metric and losses for a model.

    Attributes
    ----------
    model : onnx_ir.Model
        The model that the task is bound to: the reference of metrics without targets.
    data : Dataset
        The samples.
    feed : Feed
        How they enter the model.
    outputs : tuple of Scores
        The outputs that are scored, the main one first.
    metric : Metric
        What decides.
    loss : Metric
        What plans add up, smooth where the metric is not; lower is better.
    divergence : Metric
        How far a changed model is from the reference.
    size : int
        Samples that run at once.
    runtime : Runtime
        Where models run.
    axes : mapping of str to (int or None)
        Value of the graph → the axis of the samples, where that is not the first; None where there
        is none.
    head : str or None
        The output that the user chose, if any.
    alphabet : tuple of str
        The characters of a text recogniser; empty where nothing says them.
    unfit : str
        The targets that the metric does not take, and so compares with the reference; empty where
        there are none.
    left_out : tuple of str
        Outputs that are not scored, as they have no axis of samples.
    """

    model: ir.Model
    data: Dataset
    feed: Feed
    outputs: tuple[Scores, ...]
    metric: Metric
    loss: Metric
    divergence: Metric
    size: int
    runtime: Runtime
    axes: Mapping[str, int | None] = field(default_factory=dict)
    head: str | None = None
    alphabet: tuple[str, ...] = ()
    unfit: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The outputs that are scored."""
        return tuple(output.output for output in self.outputs)

    @property
    def against(self) -> Against:
        """The counterpart of the metric."""
        return self.metric.against

    @property
    def raw(self) -> bool:
        """Whether all arrays are fed as they are."""
        return all(adapter.transform is None for adapter in self.feed.adapters)

    def for_model(self, model: ir.Model) -> "Task":
        """Return the task with the inputs of another model, whose outputs have the same names."""
        return replace(self, feed=Feed.of(model, raw=self.raw))

    def open(self, model: ir.Model) -> Session:
        """Open a session of a model with this task's outputs."""
        return self.runtime.open(serial.encode(model))

    def answers(self, session: Session, samples: Samples) -> Iterator[Answer]:
        """Yield what a model gives for all samples, batch by batch."""
        for fed in feed_batches(self.feed, samples, self.size):
            outputs = session.run(fed.inputs)
            count = len(fed.indices)
            found = {name: self.rows(name, outputs[name], count) for name in self.names}
            yield Answer(found, self.targets_of(fed.targets), fed.indices)

    def rows(self, name: str, output: Array, count: int) -> Array:
        """Return an output with the axis of the samples first, without those of padding."""
        axis = self.axes.get(name, 0)
        if axis is None or not output.ndim:
            return output[None]
        return (np.moveaxis(output, axis, 0) if axis else output)[:count]

    def targets_of(self, targets: Mapping[str, Array] | None) -> dict[str, Array] | None:
        """Return targets by the outputs that they belong to: `TARGET` is that of the main one."""
        if targets is None:
            return None
        main = self.outputs[0].output
        return {main if name == TARGET else name: array for name, array in targets.items()}
