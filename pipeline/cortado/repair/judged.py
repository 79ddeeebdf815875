"""The values that tell how good a repaired model is."""

from collections.abc import Sequence

import onnx_ir as ir

from cortado.batchnorm import Norm
from cortado.model.graph.reads import needed_nodes
from cortado.repair.regression import Regression

__all__ = ["judged_ends", "judged_outputs"]

_FLOATS = {ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE}
_LAST = {"LogSoftmax", "Sigmoid", "Softmax"}  # what classifiers end with


def judged_outputs(model: ir.Model) -> list[str]:
    """Return the outputs of floats, or what a Softmax gets there.

    Behind a Softmax, errors of two sure answers count as much as all others together.
    """
    names = []
    for value in model.graph.outputs:
        node = value.producer()
        if node is None or value.dtype not in _FLOATS:
            continue
        before = node.inputs[0] if node.op_type in _LAST else None
        names.append(str((before or value).name))
    return list(dict.fromkeys(names))


def judged_ends(model: ir.Model, jobs: Sequence[Regression | Norm]) -> list[str]:
    """Return what those layers give that no other of `jobs` follows."""
    values = ir.convenience.create_value_mapping(model.graph, include_subgraphs=False)
    followed = set(needed_nodes(model.graph, [values[job.source] for job in jobs]))
    fits = [job for job in jobs if isinstance(job, Regression)]
    return [job.target for job in fits if job.layer.nodes[0] not in followed]
