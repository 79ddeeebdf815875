"""Standard operators: those of ONNX itself, whose domain is written in two ways."""

from typing import Protocol

import onnx_ir as ir

__all__ = ["STANDARD", "Operation", "is_standard", "opset_of"]

STANDARD = ("", "ai.onnx")
"""Both names of the domain of the standard operators."""


class Operation(Protocol):
    """A node, of `onnx_ir` or of protobuf."""

    @property
    def domain(self) -> str:
        """Where its operator is defined."""
        ...

    @property
    def op_type(self) -> str:
        """Its operator."""
        ...


def is_standard(node: Operation, *op_types: str) -> bool:
    """Return whether a node is a standard operator: one of these, where any are given."""
    return node.domain in STANDARD and (not op_types or node.op_type in op_types)


def opset_of(model: ir.Model | ir.Graph) -> int:
    """Return the version of the standard operators that a model uses; 1 if it does not say."""
    imports = model.opset_imports
    return next((imports[domain] for domain in STANDARD if domain in imports), 1)
