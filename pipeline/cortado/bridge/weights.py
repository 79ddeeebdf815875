"""Which tensor of a module is which initializer, and the way back into the ONNX model."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir
import torch
from torch import fx, nn

from cortado.errors import CortadoError
from cortado.model.graph.constants import initializers_of
from cortado.model.layers.prunable import replace_weights
from cortado.model.typing import Array

__all__ = ["from_torch", "parameter_names", "remember_attributes"]

_KEY = "cortado.attributes"


def remember_attributes(module: fx.GraphModule, attributes: Mapping[str, str]) -> None:
    """Store initializer name → attribute name in the module, where its copies keep it."""
    module.meta[_KEY] = dict(attributes)


def parameter_names(module: fx.GraphModule) -> dict[str, str]:
    """Return initializer name → parameter name, for the initializers that are trained."""
    return {
        name: attribute
        for name, attribute in _attributes(module).items()
        if isinstance(getattr(module, attribute), nn.Parameter)
    }


def from_torch(model: ir.Model, module: fx.GraphModule) -> ir.Model:
    """Return a copy of `model` with the values that the tensors of `module` have by now.

    Whatever has not changed, to the bit, stays as it is in the file. Weights of half precision are
    rounded to it.

    Parameters
    ----------
    model : onnx_ir.Model
        The model that `module` was made of; left as it is.
    module : torch.fx.GraphModule
        A module from `to_torch`, or a copy of one, on any device.
    """
    changed: dict[str, Array] = {}
    initializers = initializers_of(model)
    for name, attribute in _attributes(module).items():
        initializer = initializers.get(name)
        if initializer is None or initializer.const_value is None:
            raise CortadoError(f"the model has no initializer {name}; is the module another's?")
        tensor: torch.Tensor = getattr(module, attribute)
        stored = initializer.const_value
        array = tensor.detach().cpu().numpy().astype(stored.dtype.numpy())
        if not _same_bits(array, stored.numpy()):
            changed[name] = array
    return replace_weights(model, changed)


def _attributes(module: fx.GraphModule) -> dict[str, str]:
    attributes = module.meta.get(_KEY)
    if attributes is None:
        raise CortadoError("the module was not made by cortado.bridge.to_torch")
    return dict(attributes)


def _same_bits(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == np.asarray(b).tobytes()
