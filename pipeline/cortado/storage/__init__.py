"""How the weights of a file are stored: codecs, each with the reader beside the writer.

codec      what a codec is
registry   the codecs by name; a further one is a module here and a line in `cortado.built_in`
dense      zeros in place; opens everywhere
sparse     ONNX's own sparse initializers, for the tensors where they are smaller
coded      positions and shared values in an entropy code, with the nodes that decode it
walk       graphs inside graphs, of protobuf

Every file that is read goes through the readers of all codecs; `cortado.emit` writes.
"""

from cortado.storage.codec import Codec, StoredTensor
from cortado.storage.registry import all_codecs, codec_named, register

__all__ = ["Codec", "StoredTensor", "all_codecs", "codec_named", "register"]
