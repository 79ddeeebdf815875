"""The emitting pass: a model and a stored form → the bytes of a checked file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import onnx
import onnx_ir as ir

from cortado.errors import CortadoError
from cortado.model.graph.constants import initializers_of
from cortado.model.graph.nodes import opset_of
from cortado.model.onnx_io import serial
from cortado.model.typing import Array
from cortado.opset import raise_opset
from cortado.runtime import Runtime
from cortado.storage import Codec, StoredTensor, all_codecs, codec_named
from cortado.storage.walk import bodies_of

__all__ = [
    "Emitted",
    "check_decoded",
    "check_emitted",
    "emit",
    "encode",
    "read_stored",
    "tensor_bytes",
]


@dataclass(frozen=True)
class Emitted:
    """The bytes of a file, and how each of its initializers is stored."""

    data: bytes
    tensors: tuple[StoredTensor, ...]

    @property
    def graph_bytes(self) -> float:
        """Bytes that are no tensor's own: nodes, names, shapes, and the tables of decoders."""
        return len(self.data) - sum(tensor.stored_bytes for tensor in self.tensors)


def emit(model: ir.Model, storage: str) -> Emitted:
    """Return the bytes of a file that an unmodified onnxruntime loads.

    Parameters
    ----------
    model : onnx_ir.Model
        Left as it is.
    storage : str
        The codec of the tensors that it makes smaller: ``dense``, ``sparse``, ``coded``, or one
        that was registered. The others go to the codecs that it leaves the rest to. A file
        without it is taken where it is the smaller one.

    Raises
    ------
    CortadoError
        If onnxruntime refuses the file, or it does not decode to the same weights.
    UsageError
        If there is no such codec.
    """
    emitted = encode(model, storage)
    check_emitted(model, emitted, Runtime())
    return emitted


def encode(model: ir.Model, storage: str) -> Emitted:
    """Return the file that `emit` makes, not yet checked: for comparing models by their files."""
    codec = codec_named(storage)
    rest = [codec_named(name) for name in codec.rest]
    forms = [_emit(model, [codec, *rest])]
    forms += [_emit(model, rest)] if rest else []
    return min((form for form in forms if form is not None), key=lambda form: len(form.data))


def check_emitted(model: ir.Model, emitted: Emitted, runtime: Runtime) -> None:
    """Load a file in onnxruntime, and compare every initializer with the model's, bit for bit.

    The first shows that a user's runtime folds the decoder, the second what comes out of it. Those
    of graphs inside nodes may have moved to the main graph.

    Raises
    ------
    CortadoError
        As `emit`.
    """
    runtime.open(emitted.data)
    check_decoded(model, emitted)


def check_decoded(model: ir.Model, emitted: Emitted) -> None:
    """Compare every initializer of a file with the model's, for whoever loads it anyway.

    Raises
    ------
    CortadoError
        If it does not decode to the same weights.
    """
    decoded = initializers_of(serial.decode(emitted.data, "the emitted file"))
    for name, value in initializers_of(model).items():
        assert value.const_value is not None  # or the file would not have been valid
        stored = decoded[name].const_value if name in decoded else None
        if stored is None or _bits(stored) != _bits(value.const_value):
            raise CortadoError(f"{name} would not come back bit for bit")


def read_stored(data: bytes, model: ir.Model) -> Emitted | None:
    """Return how the tensors of a file are stored; a coded one is coded again to find that out.

    Parameters
    ----------
    data : bytes
        The file.
    model : onnx_ir.Model
        What it holds, decoded.

    Returns
    -------
    Emitted or None
        None for a coded file that was not made by this version, whose parts are not known.
    """
    proto = serial.parse(data, "the file")
    for codec in all_codecs():
        if codec.must_be_rewritten(proto):
            again = _emit(model, [codec, *map(codec_named, codec.rest)])
            return again if again is not None and again.data == data else None
    return Emitted(data, tuple(tensor for codec in all_codecs() for tensor in codec.found(proto)))


def tensor_bytes(array: Array) -> float:
    """Return what a tensor takes in the smallest stored form, alone in its file.

    That is its positions, values and codebook, as in `StoredTensor`.
    """
    sizes = [codec.size(array) for codec in all_codecs()]
    return float(min(size for size in sizes if size is not None))


def _emit(model: ir.Model, codecs: Sequence[Codec]) -> Emitted | None:
    """Return the file that some codecs write in turns; None where the first stores nothing."""
    proto = serial.parse(serial.encode(model), "the model")
    new = [codec for codec in codecs if opset_of(model) < codec.oldest_opset]
    if any(codec.can_store(proto) for codec in new):
        proto = _raised(model, max(codec.oldest_opset for codec in new))
    names = {tensor.name for graph in bodies_of(proto) for tensor in graph.initializer}
    reasons = codecs[0].reasons(proto)
    stored: dict[str, StoredTensor] = {}
    for codec in codecs:
        written = codec.write(proto, names - stored.keys())
        stored |= {tensor.name: tensor for tensor in written}
        if codec is codecs[0] and not stored and codec.rest:
            return None
    left = [tensor for codec in all_codecs() for tensor in codec.found(proto)]
    stored |= {x.name: x for x in left if x.name in names and x.name not in stored}
    data: bytes = proto.SerializeToString(deterministic=True)
    return Emitted(
        data,
        tuple(
            replace(tensor, reason=reasons.get(tensor.name, ""))
            if tensor.storage != codecs[0].name
            else tensor
            for tensor in stored.values()
        ),
    )


def _raised(model: ir.Model, opset: int) -> onnx.ModelProto:
    """Return the file of a model in an opset that decoders can be written in."""
    try:
        raised = raise_opset(model, opset, model.ir_version)
    except CortadoError as error:
        raise CortadoError(f"{error}; --storage sparse or dense keeps it") from error
    return serial.parse(serial.encode(raised), "the model")


def _bits(tensor: ir.TensorProtocol) -> bytes | tuple[bytes, ...]:
    if isinstance(tensor, ir.StringTensor):
        return tuple(tensor.string_data())
    return tensor.tobytes()
