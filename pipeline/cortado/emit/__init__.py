"""Emitting: the model in memory → the bytes of a file, in one of the forms of `cortado.storage`.

Whatever the form, the bytes are read back and compared with the model before they are
returned: a file that does not give the same weights, bit for bit, is never written.
"""

from cortado.emit.passes import (
    Emitted,
    check_decoded,
    check_emitted,
    emit,
    encode,
    read_stored,
    tensor_bytes,
)
from cortado.storage import StoredTensor

__all__ = [
    "Emitted",
    "StoredTensor",
    "check_decoded",
    "check_emitted",
    "emit",
    "encode",
    "read_stored",
    "tensor_bytes",
]
