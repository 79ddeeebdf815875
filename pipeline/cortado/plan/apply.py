"""A plan on a model: as assignments that `prune` and `quantize` take, or pruned by.

A plan is made for one model. It is pruned by only where it is that, to the last weight: the
thresholds, losses and bytes of others differ. Weights are shared after pruning, and perhaps
training, so that names and shapes of layers must do.
"""

import re
from typing import cast

import onnx_ir as ir

from cortado.errors import CortadoError, UsageError
from cortado.model.hashing import hash_model
from cortado.model.layers.prunable import find_layers
from cortado.model.layers.selector import Assignment
from cortado.plan.document import LayerPlan, Plan
from cortado.prune import Method, Pruned, PruneOptions, prune

__all__ = ["bits_of", "prune_by_plan", "sparsities_of"]


def sparsities_of(plan: Plan, model: ir.Model) -> list[Assignment[float]]:
    """Return the sparsity of each layer that the plan prunes.

    Raises
    ------
    CortadoError
        If the plan names layers that the model has not, or has with another shape.
    """
    _check_layers(plan, model)
    return [Assignment(_only(layer), layer.sparsity) for layer in plan.layers if layer.sparsity]


def bits_of(plan: Plan, model: ir.Model) -> list[Assignment[int]]:
    """Return the bits of each layer whose weights the plan shares; else as `sparsities_of`."""
    _check_layers(plan, model)
    return [Assignment(_only(layer), layer.bits) for layer in plan.layers if layer.bits]


def prune_by_plan(model: ir.Model, plan: Plan) -> Pruned:
    """Prune each layer as the plan says, by its method.

    Parameters
    ----------
    model : onnx_ir.Model
        The model that the plan was made for; left as it is.
    plan : Plan
        How far each layer goes.

    Raises
    ------
    CortadoError
        If the model is another, or a layer would lose all of its weights.
    """
    sparsities = sparsities_of(plan, model)
    known = hash_model(model)
    if known != plan.model:
        raise CortadoError(
            f"the plan was made for other weights: {plan.model}, not {known}; sweep and plan this "
            "model, or say how much to prune with --sparsity"
        )
    try:
        return prune(model, sparsities, PruneOptions(cast(Method, plan.method), "layer", plan.seed))
    except UsageError as error:  # the fault is the file's, not that of the command line
        raise CortadoError(f"the plan cannot be carried out: {error}") from error


def _only(layer: LayerPlan) -> str:
    """Return the selector of a layer alone, whatever characters its name has."""
    return rf"re:\A{re.escape(layer.name)}\Z"


def _check_layers(plan: Plan, model: ir.Model) -> None:
    shapes = {layer.name: layer.array.shape for layer in find_layers(model).prunable}
    unknown = [layer.name for layer in plan.layers if layer.name not in shapes]
    if unknown:
        names = ", ".join(sorted(shapes))
        raise CortadoError(f"the plan names {', '.join(unknown)}; the model has: {names}")
    for layer in plan.layers:
        if layer.shape != shapes[layer.name]:
            raise CortadoError(
                f"the plan is of another model: its {layer.name} is of shape "
                f"{list(layer.shape)}, and that of the model {list(shapes[layer.name])}"
            )
