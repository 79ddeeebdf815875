"""A prototxt of any age → today's form: one `layer` message a layer, inputs included.

The order is Caffe's:

1. V0 layers become V1 layers (see `upgrade_v0`);
2. scale, mean_file, crop_size and mirror leave the parameters of data layers for
   `transform_param`;
3. V1 layers become current ones: `layers` → `layer`, the enum of types → strings,
   `blobs_lr`, `weight_decay`, `param` and `blob_share_mode` → `param` messages;
4. the net's `input`, with `input_shape` or `input_dim`, becomes an Input layer.

Source: BVLC/caffe upgrade_proto.cpp.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

from cortado.caffe.legacy import V1_TYPES
from cortado.caffe.message import Field, Message, Scalar
from cortado.caffe.upgrade_v0 import upgrade_v0
from cortado.errors import CortadoError

__all__ = ["upgrade"]

_BY_NAME = dict(V1_TYPES.values())
_BY_NUMBER = {str(number): name for number, (_, name) in V1_TYPES.items()}
_DATA_PARAMS = ("data_param", "image_data_param", "window_data_param")
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")
_PARAM_FIELDS = {
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
    "param": "name",
    "blob_share_mode": "share_mode",
}
_INPUT_FIELDS = ("input", "input_shape", "input_dim")


def upgrade(net: Message) -> Message:
    """Return the net in today's form; one that is in it comes back as it is."""
    if net.has("layer") and net.has("layers"):
        line = net.every("layers")[0].line
        raise CortadoError(f"prototxt line {line}: the net mixes `layer` and `layers`")
    net = upgrade_v0(net)
    fields = [_upgrade_layer(field) for field in net.fields if field.name not in _INPUT_FIELDS]
    return Message((*_input_layer(net), *fields), net.line)


def _upgrade_layer(field: Field) -> Field:
    if field.name not in ("layer", "layers"):
        return field
    if not isinstance(field.value, Message):
        raise field.refuse("a message in braces")
    layer = _move_transform(field.value)
    return Field("layer", layer if field.name == "layer" else _from_v1(layer), field.line)


def _move_transform(layer: Message) -> Message:
    moved: list[Field] = []
    fields: list[Field] = []
    for field in layer.fields:
        if field.name in _DATA_PARAMS and isinstance(field.value, Message):
            inner = field.value.fields
            moved += [f for f in inner if f.name in _TRANSFORM_FIELDS]
            kept = tuple(f for f in inner if f.name not in _TRANSFORM_FIELDS)
            field = replace(field, value=replace(field.value, fields=kept))
        fields.append(field)
    if not moved:
        return layer
    transform = layer.message("transform_param")
    merged = Field("transform_param", Message((*transform.fields, *moved), layer.line), layer.line)
    kept_fields = tuple(field for field in fields if field.name != "transform_param")
    return Message((*kept_fields, merged), layer.line)


def _from_v1(layer: Message) -> Message:
    kept = [field for field in layer.fields if field.name not in _PARAM_FIELDS]
    fields = [_string_type(field) if field.name == "type" else field for field in kept]
    return Message((*fields, *_params(layer)), layer.line)


def _string_type(field: Field) -> Field:
    text = field.value.text if isinstance(field.value, Scalar) else ""
    name = _BY_NAME.get(text) or _BY_NUMBER.get(text)
    if name is None:
        raise field.refuse("one of the types of V1 layers")
    return replace(field, value=Scalar(name, quoted=True))


def _params(layer: Message) -> Iterator[Field]:
    """Gather V1's four parallel lists into one `param` message a blob."""
    lists = (layer.every(name) for name in _PARAM_FIELDS)
    for group in zip_longest(*lists):
        given = [field for field in group if field is not None]
        renamed = tuple(replace(field, name=_PARAM_FIELDS[field.name]) for field in given)
        yield Field("param", Message(renamed, given[0].line), given[0].line)


def _input_layer(net: Message) -> tuple[Field, ...]:
    inputs = net.every("input")
    if not inputs:
        return ()
    line = inputs[0].line
    shapes = net.every("input_shape") or _shapes_of_dims(net, len(inputs))
    if shapes and len(shapes) != len(inputs):
        raise CortadoError(
            f"prototxt line {line}: the net has {len(inputs)} inputs and {len(shapes)} shapes"
        )
    layer = (
        Field("name", Scalar("input", quoted=True), line),
        Field("type", Scalar("Input", quoted=True), line),
        *(replace(field, name="top") for field in inputs),
        Field("input_param", Message(tuple(replace(s, name="shape") for s in shapes), line), line),
    )
    return (Field("layer", Message(layer, line), line),)


def _shapes_of_dims(net: Message, inputs: int) -> tuple[Field, ...]:
    dims = net.every("input_dim")
    if len(dims) not in (0, 4 * inputs):
        raise CortadoError(
            f"prototxt line {dims[0].line}: {inputs} inputs need {4 * inputs} of input_dim, "
            f"not {len(dims)}"
        )
    groups = (dims[i : i + 4] for i in range(0, len(dims), 4))
    return tuple(
        Field("input_shape", Message(tuple(replace(d, name="dim") for d in group)), group[0].line)
        for group in groups
    )
