"""A plan carried out on a model: first what makes zeros, then what gives values.

A plan is made for one model. It is pruned by only where it is that, to the last weight: the
thresholds, losses and bytes of others differ. Values are shared after pruning, and perhaps
training, so that names and shapes of layers must do.
"""

import re
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.invariants import check_zeros
from cortado.model.hashing import hash_model
from cortado.model.layers.prunable import Layer, check_finite, find_layers, replace_weights
from cortado.model.layers.selector import Assignment
from cortado.model.typing import FloatArray
from cortado.plan.document import Plan
from cortado.prune import LayerSparsity, Method, Pruned
from cortado.quantize import Quantized, QuantizeOptions, compare_shared, quantize
from cortado.treatments import Selection, SharedValues, Treatment, all_treatments

__all__ = ["bits_of", "prune_by_plan", "share_by_plan"]


def bits_of(plan: Plan, model: ir.Model) -> list[Assignment[int]]:
    """Return the bits of each layer whose weights the plan shares, as `quantize` takes them.

    Raises
    ------
    CortadoError
        If the plan names layers that the model has not, or has with another shape.
    """
    _check_layers(plan, model)
    levels = [(layer.name, layer.treatments.get(SharedValues.name)) for layer in plan.layers]
    return [Assignment(_only(name), int(bits)) for name, bits in levels if bits is not None]


def prune_by_plan(model: ir.Model, plan: Plan) -> Pruned:
    """Carry out the treatments of a plan that make zeros.

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
    _check_layers(plan, model)
    known = hash_model(model)
    if known != plan.model:
        raise CortadoError(
            f"the plan was made for other weights: {plan.model}, not {known}; sweep and plan this "
            "model, or say how much to prune with --sparsity"
        )
    layers = find_layers(model)
    check_finite(layers.prunable)
    changed = _treated(layers.prunable, plan, [x for x in all_treatments() if x.makes_zeros])
    report = []
    for layer in layers.prunable:
        after = changed.get(layer.key, layer.array)
        zeros = [int(array.size - np.count_nonzero(array)) for array in (layer.array, after)]
        report.append(LayerSparsity(layer.name, after.size, *zeros))
        if layer.array.any() and not after.any():
            raise CortadoError(
                f"the plan cannot be carried out: {layer.key} would lose all of its {after.size} "
                "weights: prune it less"
            )
    result = replace_weights(model, changed)
    check_zeros(model, result)
    return Pruned(result, tuple(report), layers.skipped)


def share_by_plan(
    model: ir.Model,
    plan: Plan,
    options: QuantizeOptions = QuantizeOptions(),
    bits: int | None = None,
) -> Quantized:
    """Carry out the treatments of a plan that give values.

    Parameters
    ----------
    model : onnx_ir.Model
        One with such layers; left as it is.
    plan : Plan
        How far each layer goes.
    options : QuantizeOptions
        How shared values are chosen.
    bits : int, optional
        Shares 2^bits values in each layer to whose values the plan does nothing.

    Raises
    ------
    CortadoError
        If the plan names layers that the model has not, or has with another shape.
    """
    others = [x for x in all_treatments() if not x.makes_zeros and x.name != SharedValues.name]
    assigned = bits_of(plan, model)
    layers = find_layers(model).prunable
    if bits is not None:
        valued = {SharedValues.name, *(treatment.name for treatment in others)}
        fixed = {layer.name for layer in plan.layers if valued & layer.treatments.keys()}
        assigned += [Assignment(_only(x.name), bits) for x in layers if x.name not in fixed]
    shared = quantize(model, assigned, options)
    changed = _treated(find_layers(shared.model).prunable, plan, others)
    if not changed:
        return shared
    result = replace_weights(shared.model, changed)
    check_zeros(model, result)
    report = [compare_shared(layer, changed[layer.key]) for layer in layers if layer.key in changed]
    return Quantized(result, (*shared.layers, *report), shared.skipped)


def _treated(
    layers: Sequence[Layer], plan: Plan, treatments: Sequence[Treatment]
) -> Mapping[str, FloatArray]:
    """Return the weights of layers that some treatments of a plan change, by their initializers."""
    selection = Selection(cast(Method, plan.method), plan.seed)
    plans = {layer.name: layer for layer in plan.layers}
    changed = dict[str, FloatArray]()
    for layer in layers:
        levels = plans[layer.name].treatments if layer.name in plans else {}
        for treatment in treatments:
            if treatment.name in levels:
                before = changed.get(layer.key, layer.array)
                after = treatment.changed(layer, before, levels[treatment.name], selection)
                changed[layer.key] = layer.rounded(after)
    return changed


def _only(name: str) -> str:
    """Return the selector of a layer alone, whatever characters its name has."""
    return rf"re:\A{re.escape(name)}\Z"


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
