"""Invariants of all passes: zeros stay zero, shared values stay shared.

Every pass that changes weights ends with one of these checks, so that a model that lost a
zero is never returned, and so never written.
"""

import numpy as np
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.layers.codebook import find_codebook
from cortado.model.layers.prunable import find_layers
from cortado.model.typing import FloatArray

__all__ = ["check_kept", "check_zeros"]


def check_zeros(before: ir.Model, after: ir.Model) -> None:
    """Raise `CortadoError` if a weight that was zero is zero no more.

    A layer of nothing but zeros was filled with them, and not pruned.
    """
    changed = find_layers(after).by_key
    for layer in find_layers(before).prunable:
        zeros = layer.array == 0
        if not zeros.all() and changed[layer.key].array[zeros].any():
            raise CortadoError(f"pruned weights of {layer.name} came back")


def check_kept(before: ir.Model, after: ir.Model) -> None:
    """Raise `CortadoError` if zeros came back, or members of one codebook entry differ."""
    check_zeros(before, after)
    changed = find_layers(after).by_key
    for layer in find_layers(before).prunable:
        if not _sharing_kept(layer.array, changed[layer.key].array):
            raise CortadoError(f"shared values of {layer.name} split up")


def _sharing_kept(before: FloatArray, after: FloatArray) -> bool:
    """Return whether the members of each codebook entry, if there is one, are equal still."""
    codebook = find_codebook(before)
    if codebook is None:
        return True
    kept = before != 0
    labels, members = np.searchsorted(codebook, before[kept]), after[kept]
    values = np.zeros(len(codebook), members.dtype)
    values[labels] = members  # any member speaks for its entry
    return np.array_equal(values[labels], members)
