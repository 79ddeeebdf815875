"""Emitting: the model in memory → the bytes of a file, in one of several stored forms.

dense     zeros in place; opens everywhere
sparse    ONNX's own sparse initializers, for the tensors where they are smaller
coded     positions and shared values in an entropy code, with the nodes that decode it

Whatever the form, the bytes are read back and compared with the model before they are
returned: a file that does not give the same weights, bit for bit, is never written.
"""

from cortado.emit.passes import Emitted, Storage, StoredTensor, emit, read_stored, tensor_bytes

__all__ = ["Emitted", "Storage", "StoredTensor", "emit", "read_stored", "tensor_bytes"]
