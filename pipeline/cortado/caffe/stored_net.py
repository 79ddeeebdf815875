"""Bytes of a .caffemodel → the prototxt of the net that it stores, for who has nothing else.

Caffe stores the net that was trained with its weights: the layers of the training phase, after
its rules chose them, with the Split layers that Caffe made. What is written here is that net as
one would use it: without phases and rules, so that no layer trains any more and none is left out.

Only nets of BVLC's types can be read: what a fork's field means, its number does not tell. A
field of unknown number is named after it, ``field_149``, and reported like any unknown field.
"""

from collections.abc import Iterator, Mapping

from cortado.caffe.field_numbers import MESSAGES, SETTINGS, V1_SETTINGS
from cortado.caffe.hdf5 import SIGNATURE
from cortado.caffe.legacy import V1_TYPES
from cortado.caffe.wire import DamagedError, WireMessage, read_message
from cortado.errors import CortadoError

__all__ = ["read_stored_net"]

_Fields = Mapping[int, tuple[str, str]]


def read_stored_net(data: bytes) -> str:
    """Return the text of a prototxt of the net that a .caffemodel stores.

    Parameters
    ----------
    data : bytes
        The complete file.

    Raises
    ------
    CortadoError
        If the file is damaged, stores no net, or has layers of types that are not BVLC's.
    """
    if data.startswith(SIGNATURE):
        raise CortadoError("HDF5 weights store no net; give its prototxt, too")
    try:
        lines = list(_message(read_message(memoryview(data)), "net", ""))
    except DamagedError as error:
        raise CortadoError(f"the caffemodel is damaged or truncated: {error}") from error
    if not any(line.lstrip().startswith("top: ") for line in lines):
        raise CortadoError("the caffemodel stores blobs, but no net; give its prototxt, too")
    return "\n".join(lines)


def _message(message: WireMessage, kind: str, indent: str) -> Iterator[str]:
    """Yield the lines of a message."""
    known = _fields_of(message, kind)
    for number in message.fields:
        name, content = known.get(number, (f"field_{number}", "{}"))
        if content == "{}":
            yield f"{indent}{name} {{}}"
        elif content in MESSAGES:
            for inner in message.messages(number):
                yield f"{indent}{name} {{"
                yield from _message(inner, content, f"{indent}  ")
                yield f"{indent}}}"
        elif content != "-":
            yield from (f"{indent}{name}: {value}" for value in _values(message, number, content))


def _fields_of(message: WireMessage, kind: str) -> _Fields:
    """Return the fields that a message may have, which for a layer depends on its type."""
    if kind == "layer":
        return {**MESSAGES[kind], **_settings(message.text(2), message.text(1))}
    if kind == "v1" and 1 not in message.fields:  # else a V0 layer, whose type is inside
        number = (message.integers(5) or (0,))[-1]
        if number not in V1_TYPES:
            raise CortadoError(f"layer {message.text(4)!r} is of the unknown type {number}")
        allowed = {name for name, _ in _settings(V1_TYPES[number][1], message.text(4)).values()}
        named = {n: (name, name) for n, name in V1_SETTINGS.items() if name in allowed}
        return {**MESSAGES[kind], **named}
    return MESSAGES[kind]


def _settings(kind: str, layer: str) -> _Fields:
    if kind not in SETTINGS:
        raise CortadoError(
            f"layer {layer!r} is of type {kind!r}, which only a prototxt can explain; give one"
        )
    return {number: (name, name) for number, name in SETTINGS[kind].items()}


def _values(message: WireMessage, number: int, kind: str) -> list[str]:
    if kind == "i":
        return [str(value) for value in message.integers(number)]
    if kind == "f":
        return [str(value) for value in message.array(number, "<f4")]
    return [_quoted(content) for content in message.contents(number)]


def _quoted(content: memoryview) -> str:
    """Return bytes as a string of a prototxt."""
    plain = (chr(b) if 32 <= b < 127 and b not in b"\"'\\" else f"\\{b:03o}" for b in content)
    return '"' + "".join(plain) + '"'
