"""Raising the opset of a model, by ONNX's own converter.

It is the outputs that must not change: both models run in onnxruntime on the same random inputs,
and are compared.
"""

import numpy as np
import onnx
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.graph.nodes import opset_of
from cortado.model.onnx_io import serial
from cortado.opset.probe import run_probe

__all__ = ["raise_opset"]

_RTOL = 1e-5  # of the largest value of an output: the order of sums may change


def raise_opset(model: ir.Model, opset: int, ir_version: int) -> ir.Model:
    """Return the same model in an opset of ONNX's own domain that is high enough.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    opset, ir_version : int
        The least that the result has.

    Raises
    ------
    CortadoError
        If the converter cannot do it, or the outputs would change.
    """
    found = opset_of(model)
    raised = model.clone() if found >= opset else _converted(model, found, opset)
    if raised.ir_version < 4:  # where initializers had to be inputs too
        constants = set(raised.graph.initializers.values())
        kept = [value for value in raised.graph.inputs if value not in constants]
        raised.graph.inputs[:] = kept
    raised.ir_version = max(raised.ir_version, ir_version)
    return raised


def _converted(model: ir.Model, found: int, opset: int) -> ir.Model:
    wish = f"the model's opset {found} cannot be raised to the {opset} that this form of it needs"
    try:
        proto = onnx.version_converter.convert_version(
            serial.parse(serial.encode(model), "the model"), opset
        )
    except Exception as error:  # the converter's classes share no narrower base
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CortadoError(f"{wish}: {reason}") from error
    raised = serial.from_proto(proto, f"the model in opset {opset}")
    try:
        before, after = run_probe(model), run_probe(raised)
    except CortadoError as error:
        raise CortadoError(f"{wish}: on inputs that were made up, {error}") from error
    for name, expected in before.items():
        scale = float(np.abs(expected).max(initial=0)) or 1.0
        if name not in after or not np.allclose(
            after[name], expected, rtol=0, atol=_RTOL * scale, equal_nan=True
        ):
            raise CortadoError(f"{wish}: its output {name} would change")
    return raised
