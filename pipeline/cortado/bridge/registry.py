"""Which function translates which operator; filled by decorators when `operators` is imported."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import onnx_ir as ir
from torch import fx

from cortado.bridge.context import NodeContext
from cortado.bridge.sizes import Sizes
from cortado.model.graph.nodes import is_standard

__all__ = ["Handler", "SizeHandler", "find", "find_for_sizes", "operator", "size_operator"]

Handler: TypeAlias = Callable[[NodeContext], fx.Node | Sizes | tuple[fx.Node, ...]]
"""Adds the calls of one ONNX node; returns its first output, or all of them in order."""

SizeHandler: TypeAlias = Callable[[NodeContext], Sizes | None]
"""The same for a node whose inputs are shapes; `None` if it yields no shape."""

H = TypeVar("H", bound=Handler)
S = TypeVar("S", bound=SizeHandler)

_handlers: dict[str, Handler] = {}
_size_handlers: dict[str, SizeHandler] = {}


def operator(*op_types: str) -> Callable[[H], H]:
    """Register the decorated function for operators of the default ONNX domain."""

    def register(handler: H) -> H:
        _handlers.update(dict.fromkeys(op_types, handler))
        return handler

    return register


def size_operator(*op_types: str) -> Callable[[S], S]:
    """Register the decorated function for operators whose inputs are shapes."""

    def register(handler: S) -> S:
        _size_handlers.update(dict.fromkeys(op_types, handler))
        return handler

    return register


def find(node: ir.Node) -> Handler | None:
    """Return the function that translates a node."""
    return _handlers.get(node.op_type) if is_standard(node) else None


def find_for_sizes(node: ir.Node) -> SizeHandler | None:
    """Return the function that translates a node if its inputs are shapes."""
    return _size_handlers.get(node.op_type) if is_standard(node) else None
