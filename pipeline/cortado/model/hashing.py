"""The hash by which tables and plans know the weights of a model again."""

import hashlib

import onnx_ir as ir

from cortado.model.graph.constants import initializers_of

__all__ = ["hash_model"]


def hash_model(model: ir.Model) -> str:
    """Return the hash of the initializers of all graphs: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(initializers_of(model).items()):
        assert value.const_value is not None  # or the model could not have been read
        digest.update(f"{name} {value.dtype} {list(value.const_value.shape)}\n".encode())
        digest.update(value.const_value.tobytes())
    return f"sha256:{digest.hexdigest()[:24]}"
