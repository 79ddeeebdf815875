"""Distillation: what a model learns from the outputs of another (Hinton et al. 2015, 1503.02531).

    of classes    T² · KL(teacher_T ‖ student_T), the mean over samples and positions
    others        Σ ‖student − teacher‖² / Σ ‖teacher‖², sums over the samples of a batch

and the mean over outputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cortado.bridge import to_torch
from cortado.data import Batch, Feed
from cortado.errors import CortadoError, UsageError
from cortado.model.onnx_io import serial
from cortado.retrain.devices import place
from cortado.retrain.options import Distillation
from cortado.retrain.training_batches import to_tensors
from cortado.scoring.losses import Term
from cortado.scoring.metrics.class_rows import preferred_axis
from cortado.scoring.metrics.classes import Disagreement, Divergence
from cortado.scoring.task import Task
from cortado.task.outputs import Scores, activation_of, main_output
from cortado.task.transform import Views

__all__ = ["Lesson", "Teacher", "find_teacher", "lessons_of", "samples_first"]

_TINY = 1e-12


@dataclass(frozen=True)
class Lesson:
    """An output that learns from one of the teacher.

    Attributes
    ----------
    scores : Scores
        The output of the student. It learns by the value `logits` where it has classes.
    has_classes : bool
        Whether its numbers are scores of classes.
    axis : int or None
        That of the samples, in what the teacher gives; None where there is none.
    """

    scores: Scores
    has_classes: bool
    axis: int | None = 0

    @property
    def value(self) -> str:
        """The value of the graph that learns."""
        return self.scores.logits if self.has_classes else self.scores.output

    def loss(self, student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
        """Return the loss of one output, for a student's tensor (n, …) and one of the teacher."""
        if student.numel() != teacher.numel():
            raise CortadoError(
                f"the output {self.scores.output} has the shape {list(student.shape)}, "
                f"and that of the teacher {list(teacher.shape)}"
            )
        teacher = samples_first(teacher, self.axis).reshape(student.shape)
        if not self.has_classes:
            return (student - teacher).square().sum() / teacher.square().sum().clamp_min(_TINY)
        found, wanted = (
            F.log_softmax(self._rows(each) / temperature, dim=1) for each in (student, teacher)
        )
        divergence = F.kl_div(found, wanted, reduction="batchmean", log_target=True)
        return divergence * temperature**2

    def _rows(self, scores: Tensor) -> Tensor:
        """Return scores as rows (positions, classes)."""
        flat = scores.flatten(1) if scores.shape[2:].numel() == 1 else scores
        axis = preferred_axis(flat.ndim, self.scores)
        return flat.movedim(axis, -1).reshape(-1, flat.shape[axis])


@dataclass(frozen=True)
class Teacher:
    """A network whose outputs are learned.

    Attributes
    ----------
    module : torch.nn.Module
        Gives what each lesson is about, in their order.
    feed : Feed
        How the teacher wants the samples.
    lessons : sequence of Lesson
        What is learned.
    temperature, weight : float
        See `Distillation`.
    """

    module: nn.Module
    feed: Feed
    lessons: Sequence[Lesson]
    temperature: float
    weight: float

    def loss(self, found: Mapping[str, Tensor], batch: Batch, views: Views | None) -> Tensor:
        """Return the mean loss of the lessons, for the student's values of a batch."""
        device = next(iter(found.values())).device
        with torch.no_grad():
            given = self.module(*to_tensors(self.feed(batch, views), device))
        taught = [given] if isinstance(given, Tensor) else list(given)
        losses = [
            lesson.loss(_shaped(found, lesson), each, self.temperature)
            for lesson, each in zip(self.lessons, taught, strict=True)
        ]
        return losses[0] if len(losses) == 1 else torch.stack(losses).mean()


def _shaped(found: Mapping[str, Tensor], lesson: Lesson) -> Tensor:
    """Return what learns, in the shape of the output where that is known."""
    value = found[lesson.value]
    output = found.get(lesson.scores.output)
    if output is None or lesson.scores.is_reduced:
        return value
    return value.reshape(output.shape)


def lessons_of(task: Task, terms: Sequence[Term]) -> list[Lesson]:
    """Return what a model may learn of a teacher: the outputs of a task."""
    classes = {term.scores.output for term in terms if term.loss == "cross-entropy"}
    if isinstance(task.divergence, (Disagreement, Divergence)):
        classes.add(task.outputs[0].output)
    return [
        Lesson(
            each,
            each.activation != "none" or each.output in classes,
            task.axes.get(each.output, 0),
        )
        for each in task.outputs
    ]


def samples_first(value: Tensor, axis: int | None) -> Tensor:
    """Return a value with the axis of the samples first; None adds one of a single sample."""
    if axis is None or not value.ndim:
        return value[None]
    return value.movedim(axis, 0) if axis else value


def find_teacher(
    distillation: Distillation, lessons: Sequence[Lesson], task: Task, device: torch.device
) -> Teacher:
    """Return the teacher of some lessons.

    Raises
    ------
    UsageError
        If it lacks an output. Where there is only one lesson, its main output may have any name.
    """
    model = distillation.teacher
    outputs = {str(value.name) for value in model.graph.outputs}
    names = [lesson.scores.output for lesson in lessons]
    missing = [name for name in names if name not in outputs]
    if missing and len(names) == 1:
        names, missing = [_main(model, task)], []
    if missing:
        raise UsageError(f"the teacher of --distill has no output {missing[0]}")
    values = [
        activation_of(model, name).logits if lesson.has_classes else name
        for lesson, name in zip(lessons, names, strict=True)
    ]
    module = place(to_torch(model, values), device).eval()
    feed = task.for_model(model).feed.any_batch()
    return Teacher(module, feed, lessons, distillation.temperature, distillation.weight)


def _main(model: ir.Model, task: Task) -> str:
    widths = task.runtime.open(serial.encode(model)).widths
    return main_output(model, widths, task.data.classes, None)
