"""The retraining pass: a model and a task → the same model with other weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
import torch

from cortado.bridge import from_torch, parameter_names, to_torch
from cortado.data import Feed, Samples
from cortado.errors import CortadoError, UsageError
from cortado.invariants import check_kept
from cortado.model.layers.prunable import Skipped, find_layers
from cortado.progress import Progress, Steps, show_figure
from cortado.retrain.constraints import constrain, constrain_others
from cortado.retrain.devices import find_device, place
from cortado.retrain.gradual import GradualPruning
from cortado.retrain.loop import Loop, MeanScores, make_optimizer
from cortado.retrain.objective import Objective, import_losses
from cortado.retrain.options import Distillation, Gradual, RetrainOptions
from cortado.retrain.schedule import Schedule
from cortado.retrain.statistics import refresh_statistics
from cortado.retrain.teacher import Teacher, find_teacher, lessons_of
from cortado.retrain.training_batches import to_tensors
from cortado.scoring.losses import Term, show_term
from cortado.scoring.losses.terms import find_terms
from cortado.scoring.references import References
from cortado.scoring.task import Task

__all__ = ["Epoch", "Retrained", "prepare", "retrain"]


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch: on training samples while it ran, on validation samples after it.

    `number` counts from 0.
    """

    number: int
    train: MeanScores
    val: MeanScores


@dataclass(frozen=True)
class Retrained:
    """A retrained model, how it got there, and the layers that were not trained, with why.

    `metric` names the values of the epochs.
    """

    model: ir.Model
    epochs: tuple[Epoch, ...]
    skipped: tuple[Skipped, ...]
    metric: str


def retrain(
    model: ir.Model,
    task: Task,
    options: RetrainOptions = RetrainOptions(),
    gradual: Gradual | None = None,
    distillation: Distillation | None = None,
    references: References | None = None,
) -> Steps[Retrained]:
    """Train the weights that are left, and keep zeros zero and shared values shared.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Its zeros are the masks, its repeated values the codebooks.
    task : Task
        Bound to `model`, or to the dense one that it was made of. The training part of its data
        is trained on, the validation part measured after every epoch.
    options : RetrainOptions
        How to train.
    gradual : Gradual or None
        Prune on the way; without it the zeros stay those of `model`.
    distillation : Distillation or None
        Learn from a teacher too, or, without targets, from it alone.
    references : References or None
        What the dense model gives for the validation part, where that is known already.

    Raises
    ------
    CortadoError
        If an operator has no translation, the targets don't fit the outputs, or training diverges.
    UsageError
        If the request does not fit the model or the data.

    Notes
    -----
    Seeds torch's own generator, from which Dropout draws.
    """
    if gradual is not None and 0 in (options.epochs, options.iterations):
        raise UsageError("gradual pruning needs at least one epoch")
    if options.batchnorm == "measure":
        model = yield from refresh_statistics(model, task, options, "before training")
    torch.manual_seed(options.seed)
    loop = prepare(model, task, options, gradual, distillation)
    yield from _tell(loop, options)
    epochs = yield from _run(loop, references or References(task, task.data.val))
    result = from_torch(model, loop.module)
    if options.batchnorm == "measure" and epochs:
        result = yield from refresh_statistics(result, task, options, "after training")
    check_kept(model, result)
    skipped = _untrained(model, _trained(model, loop.objective, loop.module))
    return Retrained(result, epochs, skipped, task.metric.name)


def _tell(loop: Loop, options: RetrainOptions) -> Steps[None]:
    """Report which losses are trained, where that is a choice, and whether images are not moved."""
    terms = loop.objective.terms
    if len(terms) > 1 or (options.losses and terms):
        yield Progress("losses", 1, 1, (), f"minimized: {', '.join(map(show_term, terms))}")
    if options.shift and not loop.options.shift and loop.feed.pixels is not None:
        message = "images are not shifted: their targets are not one value a sample"
        yield Progress("shift", 1, 1, (), message)


def prepare(
    model: ir.Model,
    task: Task,
    options: RetrainOptions,
    gradual: Gradual | None = None,
    distillation: Distillation | None = None,
) -> Loop:
    """Return the training loop that `retrain` runs, with the same parameters."""
    device = find_device(options.device)
    objective = _objective(model, task, options, distillation, device)
    module = place(to_torch(model, objective.values), device)
    own = task.for_model(model).feed
    if task.size == 1 and (own.batch is None or own.run_alone(task.data.train)):
        options = replace(options, batch=1)  # the model computes with its batch axis
    else:
        _check_batch(module, own, task.data.train, options, device)
    if not _is_movable(task):
        options = replace(options, shift=0)
    names = _trained(model, objective, module)
    layers = [layer for layer in find_layers(model).prunable if layer.key in names]
    weights = [module.get_parameter(names[layer.key]) for layer in layers]
    constraints = constrain(layers, weights)
    pruning = None if gradual is None else GradualPruning.over(layers, constraints, gradual)
    keys = {layer.key for layer in layers}
    others = {key: module.get_parameter(name) for key, name in names.items() if key not in keys}
    constraints += constrain_others(layers, others)
    named = {key: module.get_parameter(name) for key, name in names.items()}
    return Loop(
        module=module,
        task=task,
        feed=own.any_batch(),
        constraints=constraints,
        objective=objective,
        optimizer=make_optimizer(named, constraints, options),
        pruning=pruning,
        options=options,
        device=device,
        schedule=Schedule.of(task.data.train, options),
    )


def _is_movable(task: Task) -> bool:
    """Return whether targets hold for images that are moved: one value a sample, or none."""
    targets = task.data.train.take(np.zeros(1, np.int64)).targets or {}
    return all(array.ndim == 1 for array in targets.values())


def _objective(
    model: ir.Model,
    task: Task,
    options: RetrainOptions,
    distillation: Distillation | None,
    device: torch.device,
) -> Objective:
    """Return what is minimized.

    Raises
    ------
    UsageError
        If there is nothing: neither targets nor a teacher.
    """
    terms = find_terms(model, task, options.losses)
    if not terms and distillation is None:
        raise UsageError(
            "the data have no labels to train with: give them, or a model to learn from with "
            "--distill TEACHER"
        )
    teacher = _teacher(distillation, task, terms, device)
    is_checked = task.data.train.labels is not None  # `find_terms` saw them all
    functions = import_losses(terms)
    return Objective(terms, task.names, teacher, functions, is_checked, task.axes)


def _teacher(
    distillation: Distillation | None, task: Task, terms: Sequence[Term], device: torch.device
) -> Teacher | None:
    if distillation is None:
        return None
    return find_teacher(distillation, lessons_of(task, terms), task, device)


def _trained(model: ir.Model, objective: Objective, module: torch.fx.GraphModule) -> dict[str, str]:
    """Return initializer name → parameter name, for all that the loss depends on."""
    names = parameter_names(module)
    if set(objective.trained) >= set(objective.outputs) or len(objective.outputs) == 1:
        return names
    used = parameter_names(to_torch(model, objective.trained))
    return {key: name for key, name in names.items() if key in used}


def _check_batch(
    module: torch.nn.Module,
    feed: Feed,
    samples: Samples,
    options: RetrainOptions,
    device: torch.device,
) -> None:
    """Refuse a model of a fixed batch that computes with it, as one more sample shows."""
    if feed.batch is None or feed.batch == options.batch:
        return
    count = feed.batch + 1
    batch = samples.take(np.resize(np.zeros(1, np.int64), count))
    try:
        with torch.no_grad():
            found = module(*to_tensors(feed.any_batch()(batch), device))
    except (RuntimeError, IndexError):
        found = ()
    values = found if isinstance(found, tuple) else (found,)
    if not values or any(value.shape[:1] != (count,) for value in values):
        raise CortadoError(
            f"the model computes with its batch of {feed.batch}, and cannot be trained with "
            "another: export it with a batch axis that is left open"
        )


def _untrained(model: ir.Model, trained: dict[str, str]) -> tuple[Skipped, ...]:
    """Return the layers that stay as they are; not those that are trained, yet never pruned."""
    layers, reason = find_layers(model), "it does not lead to the output that is trained"
    aside = [Skipped(x.name, x.op_type, reason) for x in layers.prunable if x.key not in trained]
    moved = {
        node.name
        for node in model.graph.all_nodes()
        if any(value is not None and value.name in trained for value in node.inputs)
    }
    return (*(each for each in layers.skipped if each.name not in moved), *aside)


def _run(loop: Loop, references: References) -> Steps[tuple[Epoch, ...]]:
    generator = np.random.default_rng(loop.options.seed)
    task = loop.task
    epochs: list[Epoch] = []
    for number in range(loop.schedule.epochs):
        train = yield from loop.epoch(task.data.train, number, generator)
        val = yield from loop.measure(task.data.val, references, "validate")
        epochs.append(Epoch(number, train, val))
        message = _describe(epochs[-1], task.metric.name)
        yield Progress("epochs", number + 1, loop.schedule.epochs, (), message)
    return tuple(epochs)


def _describe(epoch: Epoch, metric: str) -> str:
    return (
        f"epoch {epoch.number + 1}: training loss {show_figure(epoch.train.loss)}, "
        f"validation loss {show_figure(epoch.val.loss)}, {metric} {show_figure(epoch.val.value)}"
    )
