"""A plan carried out: as assignments that `prune` and `quantize` take, or all of it."""

from typing import cast

import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.layers import find_layers
from cortado.model.selector import Assignment
from cortado.plan.document import Plan
from cortado.prune import Method, Pruned, PruneOptions, prune
from cortado.quantize import QuantizeOptions, quantize

__all__ = ["bits_of", "prune_by_plan", "sparsities_of", "stitch"]


def sparsities_of(plan: Plan, model: ir.Model) -> list[Assignment[float]]:
    """Return the sparsity of each layer that the plan prunes.

    Raises
    ------
    CortadoError
        If the plan names layers that the model has not.
    """
    _check_names(plan, model)
    return [Assignment(layer.name, layer.sparsity) for layer in plan.layers if layer.sparsity]


def bits_of(plan: Plan, model: ir.Model) -> list[Assignment[int]]:
    """Return the bits of each layer whose weights the plan shares; else as `sparsities_of`."""
    _check_names(plan, model)
    return [Assignment(layer.name, layer.bits) for layer in plan.layers if layer.bits]


def prune_by_plan(model: ir.Model, plan: Plan) -> Pruned:
    """Prune each layer as the plan says, by its method; else as `prune`."""
    options = PruneOptions(cast(Method, plan.method), "layer", plan.seed)
    return prune(model, sparsities_of(plan, model), options)


def stitch(model: ir.Model, plan: Plan) -> ir.Model:
    """Return a copy of `model` with all layers of a plan pruned, and then shared."""
    pruned = prune_by_plan(model, plan).model
    return quantize(pruned, bits_of(plan, model), QuantizeOptions(seed=plan.seed)).model


def _check_names(plan: Plan, model: ir.Model) -> None:
    known = {layer.name for layer in find_layers(model).prunable}
    unknown = [layer.name for layer in plan.layers if layer.name not in known]
    if unknown:
        names = ", ".join(sorted(known))
        raise CortadoError(f"the plan names {', '.join(unknown)}; the model has: {names}")
