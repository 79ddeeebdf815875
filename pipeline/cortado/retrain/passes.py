"""The retraining pass: a model and data → the same model with other weights."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import torch

from cortado.bridge import from_torch, parameter_names, to_torch
from cortado.data import Dataset, Feed
from cortado.errors import CortadoError, UsageError
from cortado.invariants import check_kept
from cortado.model.layers.prunable import Skipped, find_layers
from cortado.progress import Progress, Steps, show_figure
from cortado.retrain.constraints import constrain, constrain_others
from cortado.retrain.devices import find_device, place
from cortado.retrain.gradual import GradualPruning
from cortado.retrain.heads import find_losses
from cortado.retrain.loop import Loop, Measured, make_optimizer
from cortado.retrain.losses import Objective, Teacher
from cortado.retrain.options import Distillation, Gradual, RetrainOptions
from cortado.retrain.plan import Plan
from cortado.retrain.statistics import refresh_statistics

__all__ = ["Epoch", "Retrained", "prepare", "retrain"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: on the training images as it went, on the validation images after.

    `number` counts from 0.
    """

    number: int
    train: Measured
    val: Measured


@dataclass(frozen=True)
class Retrained:
    """A retrained model, how it got there, and the layers that were not trained, with why."""

    model: ir.Model
    epochs: tuple[Epoch, ...]
    skipped: tuple[Skipped, ...]


def retrain(
    model: ir.Model,
    data: Dataset,
    options: RetrainOptions = RetrainOptions(),
    head: str | None = None,
    gradual: Gradual | None = None,
    distillation: Distillation | None = None,
) -> Steps[Retrained]:
    """Train the weights that are left, and keep zeros zero and shared values shared.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is. Its zeros are the masks, its repeated values the codebooks.
    data : Dataset
        The training part is trained on, the validation part measured after every epoch.
    options : RetrainOptions
        How to train.
    head : str or None
        The output to train, see `choose_output`.
    gradual : Gradual or None
        Prune on the way; without it the zeros stay those of `model`.
    distillation : Distillation or None
        Learn from a teacher too.

    Raises
    ------
    CortadoError
        If an operator has no translation, the labels don't fit the output, or training diverges.
    UsageError
        If the request does not fit the model, such as a head that it has not.

    Notes
    -----
    Seeds torch's own generator, from which Dropout draws.
    """
    if gradual is not None and 0 in (options.epochs, options.iterations):
        raise UsageError("gradual pruning needs at least one epoch")
    if options.batchnorm == "measure":
        model = yield from refresh_statistics(model, data, head, "before training", options.runtime)
    torch.manual_seed(options.seed)
    loop = prepare(model, data, options, head, gradual, distillation)
    epochs = yield from _run(loop, data)
    result = from_torch(model, loop.module)
    if options.batchnorm == "measure" and epochs:
        result = yield from refresh_statistics(
            result, data, head, "after training", options.runtime
        )
    check_kept(model, result)
    return Retrained(result, epochs, _untrained(model, loop))


def prepare(
    model: ir.Model,
    data: Dataset,
    options: RetrainOptions,
    head: str | None = None,
    gradual: Gradual | None = None,
    distillation: Distillation | None = None,
) -> Loop:
    """Return the training loop that `retrain` runs, with the same parameters."""
    device = find_device(options.device)
    losses = find_losses(model, data, head, options.runtime)
    module = place(to_torch(model, [loss.scores for loss in losses]), device)
    _check_batch(module, Feed.of(model), device)
    names = parameter_names(module)
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
        feed=Feed.of(model),
        constraints=constraints,
        objective=Objective(losses, _teacher(distillation, data, head, options)),
        optimizer=make_optimizer(named, constraints, options),
        pruning=pruning,
        options=options,
        device=device,
        plan=Plan.of(len(data.train), options),
    )


def _check_batch(module: torch.nn.Module, feed: Feed, device: torch.device) -> None:
    """Refuse a model of a fixed batch that computes with it, as one more image shows."""
    sizes = [size for size in feed.shape if size is not None]
    if feed.batch is None or len(sizes) < len(feed.shape):
        return
    count = feed.batch + 1
    images = torch.zeros(count, *sizes, device=device)
    try:
        with torch.no_grad():
            found = module(images)
    except (RuntimeError, IndexError):
        found = ()
    scores = found if isinstance(found, tuple) else (found,)
    if not scores or any(len(part) != count for part in scores):
        raise CortadoError(
            f"the model computes with its batch of {feed.batch}, and cannot be trained with "
            "another: export it with a batch axis that is left open"
        )


def _untrained(model: ir.Model, loop: Loop) -> tuple[Skipped, ...]:
    layers, trained = find_layers(model), parameter_names(loop.module)
    reason = "it does not lead to the output that is trained"
    aside = [Skipped(x.name, x.op_type, reason) for x in layers.prunable if x.key not in trained]
    return (*layers.skipped, *aside)


def _run(loop: Loop, data: Dataset) -> Steps[tuple[Epoch, ...]]:
    generator = np.random.default_rng(loop.options.seed)
    epochs: list[Epoch] = []
    for number in range(loop.plan.epochs):
        train = yield from loop.epoch(data.train, number, generator)
        val = yield from loop.measure(data.val, "validate")
        epochs.append(Epoch(number, train, val))
        yield Progress("epochs", number + 1, loop.plan.epochs, (), _describe(epochs[-1]))
    return tuple(epochs)


def _teacher(
    distillation: Distillation | None, data: Dataset, head: str | None, options: RetrainOptions
) -> Teacher | None:
    if distillation is None:
        return None
    main = find_losses(distillation.teacher, data, head, options.runtime)[0]
    module = place(
        to_torch(distillation.teacher, [main.scores]), find_device(options.device)
    ).eval()
    feed = Feed.of(distillation.teacher)
    return Teacher(module, feed, distillation.temperature, distillation.weight)


def _describe(epoch: Epoch) -> str:
    return (
        f"epoch {epoch.number + 1}: training loss {show_figure(epoch.train.loss)}, "
        f"validation loss {show_figure(epoch.val.loss)}, accuracy {show_figure(epoch.val.accuracy)}"
    )
