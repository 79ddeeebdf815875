"""What tells how good a repaired model is."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from cortado.batchnorm import Norm
from cortado.model.graph.reads import needed_nodes
from cortado.repair.regression import Regression

__all__ = ["Judged"]

_FLOATS = {ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE}
_LAST = {"LogSoftmax", "Sigmoid", "Softmax"}  # what classifiers end with


@dataclass(frozen=True)
class Judged:
    """The values that are compared with the reference's.

    Attributes
    ----------
    outputs : tuple of str
        Its outputs of floats, or what a Softmax gets there: behind a Softmax, errors of two sure
        answers count as much as all others together.
    ends : tuple of str
        What those of its layers give that no other layer follows.
    """

    outputs: tuple[str, ...]
    ends: tuple[str, ...]

    @classmethod
    def of(cls, model: ir.Model, jobs: Sequence[Regression | Norm]) -> "Judged":
        """Return the values that tell how good a model is, where `jobs` are all that changes."""
        outputs = []
        for value in model.graph.outputs:
            node = value.producer()
            if node is None or value.dtype not in _FLOATS:
                continue
            before = node.inputs[0] if node.op_type in _LAST else None
            outputs.append(str((before or value).name))
        named = ir.convenience.create_value_mapping(model.graph, include_subgraphs=False)
        followed = set(needed_nodes(model.graph, [named[job.source] for job in jobs]))
        fits = [job for job in jobs if isinstance(job, Regression)]
        ends = [job.target for job in fits if job.layer.nodes[0] not in followed]
        return cls(tuple(dict.fromkeys(outputs)), tuple(dict.fromkeys(ends)))
