"""The names of layers: the module of the PyTorch program, or the layer of the Caffe net.

In this order:

1. the initializer's name without ``.weight`` (``conv1.weight`` → ``conv1``: Caffe layers as
   cortado imports them, PyTorch modules where the exporter keeps the parameter);
2. the module that PyTorch's exporters say a node is of, where they made an initializer of their
   own, as of a transposed or fused weight: the current one in the node's metadata, the one that
   traces TorchScript in its name (``/encoder/layers.0/linear1/MatMul``);
3. the name of the node;
4. the initializer's name.

Source: torch.onnx (2.13), the metadata ``pkg.torch.onnx.name_scopes``: the names of the modules
around a call, outermost first, then that of the call.
"""

import ast
import re

import onnx_ir as ir

__all__ = ["SCOPES", "is_named", "wished_name"]

SCOPES = "pkg.torch.onnx.name_scopes"
"""The metadata of a node in which torch's current exporter lists the modules around it."""

_TRACED = re.compile(r"/(?P<modules>[^/]+(?:/[^/]+)*)/(?P<op>\w+?)(?:_\d+)?")


def wished_name(weight: str, node: ir.Node) -> str:
    """Return the name for the layer of a weight, by its initializer and the first node with it."""
    if is_named(weight):
        return weight.removesuffix(".weight")
    return _scope_of(node) or _traced_module(node) or node.name or weight


def is_named(weight: str) -> bool:
    """Return whether an initializer has the name that its module gave it."""
    return weight.endswith(".weight") and weight != ".weight"


def _scope_of(node: ir.Node) -> str:
    """Return the innermost module in the metadata of a node; empty if it tells none."""
    try:
        scopes = ast.literal_eval(node.metadata_props.get(SCOPES, "[]"))
    except (ValueError, SyntaxError):  # some other program's idea of it
        return ""
    return str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""


def _traced_module(node: ir.Node) -> str:
    """Return the module in the name that tracing gives a node; empty if it is another's.

    The children of a Sequential or ModuleList are named with their parent: ``/blocks/blocks.0``.
    """
    match = _TRACED.fullmatch(node.name or "")
    if match is None or match["op"] != node.op_type:
        return ""
    path: list[str] = []
    for part in match["modules"].split("/"):
        if path and part.startswith(f"{path[-1]}."):
            path.pop()
        path.append(part)
    return ".".join(path)
