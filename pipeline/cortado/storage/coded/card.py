"""The card of a coded file: what its decoder is, and what it must give.

A coded file holds its weights as the constants of a decoder, the first nodes of its graph (see
`cortado.storage.coded`). One entry of `metadata_props` says so,

    cortado.coded = "1 NODES DECODER WEIGHTS"

    NODES     how many nodes the decoder has
    DECODER   the first 6 bytes of the sha256 of the decoder, in base64
    WEIGHTS   the sha256 of all initializers, decoded, in base64 without its padding

DECODER tells damage before the decoder runs, WEIGHTS proves what came out of it. Every byte of
such a file counts, hence no JSON.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import onnx

from cortado.errors import CortadoError

__all__ = ["KEY", "Card", "hash_decoder", "hash_weights"]

KEY = "cortado.coded"

_VERSION = "1"
_DECODER_HASH_BYTES = 6


@dataclass(frozen=True)
class Card:
    """The card of a coded file, as the module describes it."""

    nodes: int
    decoder: str
    weights: str

    def __str__(self) -> str:
        return f"{_VERSION} {self.nodes} {self.decoder} {self.weights}"

    @classmethod
    def parse(cls, text: str, source: str) -> "Card":
        """Read a card.

        Raises
        ------
        CortadoError
            If it is damaged, or of a version that is not known here.
        """
        version, _, rest = text.partition(" ")
        if version.isdigit() and version != _VERSION:
            raise CortadoError(f"{source} is coded by a newer version of cortado")
        found = re.fullmatch(r"([0-9]{1,9}) (\S+) (\S+)", rest)
        if version != _VERSION or found is None:
            raise CortadoError(f"{source}: its card, the metadata {KEY}, is damaged")
        return cls(int(found[1]), found[2], found[3])


def hash_decoder(
    nodes: Iterable[onnx.NodeProto],
    constants: Iterable[onnx.TensorProto],
    functions: Iterable[onnx.FunctionProto],
) -> str:
    """Return the first bytes of the hash of a decoder, in base64."""
    digest = hashlib.sha256()
    for messages in (nodes, constants, functions):
        for message in messages:
            digest.update(message.SerializeToString(deterministic=True))
    return base64.b64encode(digest.digest()[:_DECODER_HASH_BYTES]).decode()


def hash_weights(tensors: Iterable[onnx.TensorProto]) -> str:
    """Return the hash of dense initializers: of their names, types, shapes and values."""
    digest = hashlib.sha256()
    for tensor in sorted(tensors, key=lambda tensor: tensor.name):
        head = f"{tensor.name} {tensor.data_type} {list(tensor.dims)}\n"
        digest.update(head.encode())
        if tensor.data_type == onnx.TensorProto.STRING:
            digest.update(b"\n".join(tensor.string_data))
        else:
            digest.update(onnx.numpy_helper.to_array(tensor).tobytes())
    return base64.b64encode(digest.digest()).decode().rstrip("=")
