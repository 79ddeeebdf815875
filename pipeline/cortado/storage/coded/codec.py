"""The coded form as a codec: what a tensor would take in it, and what a file holds in it."""

from collections.abc import Collection

import onnx

from cortado.model.typing import Array
from cortado.storage.codec import Codec, StoredTensor
from cortado.storage.coded.card import KEY
from cortado.storage.coded.flat_decoder import LONGEST_GAP, flat_shares
from cortado.storage.coded.lanes import lane_share
from cortado.storage.coded.layout import make_layout
from cortado.storage.coded.pieces import CodedTensor, Piece, filled_share, sections_of
from cortado.storage.coded.reader import decode_weights
from cortado.storage.coded.store import OLDEST_OPSET, fixed_initializers, has_codable, store_coded
from cortado.storage.dense import dense_bytes
from cortado.storage.walk import bodies_of

__all__ = ["Coded"]


class Coded(Codec):
    """Positions and shared values in an entropy code, with the nodes that decode it."""

    name = "coded"
    rest = ("sparse",)
    oldest_opset = OLDEST_OPSET

    def size(self, array: Array) -> float | None:
        """Return the bytes of the codewords and the codebook, without those of a decoder.

        None for a tensor that is as small in another form.
        """
        piece = Piece.of_array("", array)
        layout = make_layout([] if piece is None else [piece])
        shares: list[CodedTensor] = []
        for runs in layout.flat:
            shares += flat_shares(sections_of(runs, LONGEST_GAP))
        shares += [lane_share(piece) for piece in layout.lanes]
        shares += [filled_share(piece) for piece in layout.filled]
        return sum(share.bytes for share in shares) if shares else None

    def write(self, proto: onnx.ModelProto, names: Collection[str]) -> tuple[StoredTensor, ...]:
        """Code the initializers that become smaller, and leave out what is redundant."""
        sizes = {x.name: dense_bytes(x) for graph in bodies_of(proto) for x in graph.initializer}
        return tuple(
            StoredTensor(x.name, self.name, sizes[x.name], x.positions, x.values, x.codebook)
            for x in store_coded(proto, names)
        )

    def read(self, proto: onnx.ModelProto, source: str) -> None:
        """Run the decoder, if there is one, and put its weights in its place."""
        decode_weights(proto, source)

    def can_store(self, proto: onnx.ModelProto) -> bool:
        """Return whether some initializer of a file, of any opset, is smaller coded."""
        return has_codable(proto)

    def reasons(self, proto: onnx.ModelProto) -> dict[str, str]:
        """Return the initializers that no node of the main graph may make, and why."""
        return fixed_initializers(proto)

    def must_be_rewritten(self, proto: onnx.ModelProto) -> bool:
        """Return whether a file is coded: which part is whose, only coding it again tells."""
        return any(entry.key == KEY for entry in proto.metadata_props)
