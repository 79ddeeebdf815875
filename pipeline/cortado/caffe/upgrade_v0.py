"""V0 layers → V1 layers.

V0 held a layer's settings, whatever its type, in one flat message beside its bottoms and tops:

    layers { layer { name: "c" type: "conv" num_output: 2 kernelsize: 3 } bottom: "x" top: "c" }

Each setting moves to the message and name that its type gives it today. A layer of type
`padding` disappears: its pad goes to the convolution or pooling that reads it.

Source: BVLC/caffe upgrade_proto.cpp (UpgradeV0LayerParameter, UpgradeV0PaddingLayers).
"""

from collections.abc import Mapping
from dataclasses import replace

from cortado.caffe.legacy import V0_TYPES, V1_TYPES
from cortado.caffe.message import Field, Message, Scalar
from cortado.errors import CortadoError

__all__ = ["upgrade_v0"]

_V1_NAMES = {name: v1 for v1, name in V1_TYPES.values()}

_PARAM = {
    "concat": "concat_param",
    "conv": "convolution_param",
    "data": "data_param",
    "dropout": "dropout_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "infogain_loss": "infogain_loss_param",
    "innerproduct": "inner_product_param",
    "lrn": "lrn_param",
    "pool": "pooling_param",
    "window_data": "window_data_param",
}
_RENAMED = {
    "biasterm": "bias_term",
    "kernelsize": "kernel_size",
    "batchsize": "batch_size",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "shuffle_images": "shuffle",
    "det_fg_threshold": "fg_threshold",
    "det_bg_threshold": "bg_threshold",
    "det_fg_fraction": "fg_fraction",
    "det_context_pad": "context_pad",
    "det_crop_mode": "crop_mode",
}
_OF_THE_LAYER = ("name", "blobs_lr", "weight_decay", "hdf5_output_param")
_TRANSFORM = ("scale", "meanfile", "cropsize", "mirror")


def upgrade_v0(net: Message) -> Message:
    """Return `net` with its V0 layers as V1 layers; one without any comes back as it is."""
    layers = net.every("layers")
    if not any(isinstance(f.value, Message) and f.value.has("layer") for f in layers):
        return net
    pads = _paddings(net)
    fields = []
    for field in net.fields:
        if field.name != "layers" or not isinstance(field.value, Message):
            fields.append(field)
        elif _type(field.value) != "padding":
            fields.append(replace(field, value=_upgrade(_absorb(field.value, pads))))
    return replace(net, fields=tuple(fields))


def _type(connection: Message) -> str:
    return connection.message("layer").text("type")


def _paddings(net: Message) -> dict[str, tuple[Field, tuple[Field, ...]]]:
    """Return what each padding layer's top stands for: the bottom, and the pad."""
    paddings = {}
    for connection in net.messages("layers"):
        if _type(connection) == "padding":
            bottoms, tops = connection.every("bottom"), connection.texts("top")
            if len(bottoms) != 1 or len(tops) != 1:
                raise CortadoError(
                    f"prototxt line {connection.line}: a padding layer needs one bottom and one top"
                )
            paddings[tops[0]] = bottoms[0], connection.message("layer").every("pad")
    return paddings


def _absorb(connection: Message, pads: Mapping[str, tuple[Field, tuple[Field, ...]]]) -> Message:
    """Let a convolution or pooling that reads a padded blob pad its source itself."""
    fields = []
    pad: tuple[Field, ...] = ()
    for field in connection.fields:
        source = field.value.text if isinstance(field.value, Scalar) else ""
        if field.name == "bottom" and source in pads:
            if _type(connection) not in ("conv", "pool"):
                raise CortadoError(
                    f"prototxt line {field.line}: only conv and pool layers can read {source!r}, "
                    "which a padding layer makes"
                )
            field, pad = pads[source]
        fields.append(field)
    layer = connection.message("layer")
    inner = Field("layer", replace(layer, fields=(*layer.fields, *pad)), layer.line)
    return replace(
        connection, fields=(*(field for field in fields if field.name != "layer"), inner)
    )


def _upgrade(connection: Message) -> Message:
    layer, kind = connection.message("layer"), _type(connection)
    if kind not in V0_TYPES:
        raise CortadoError(f"prototxt line {layer.line}: {kind!r} is no type of a V0 layer")
    outer = [field for field in connection.fields if field.name != "layer"]
    outer.append(Field("type", Scalar(_V1_NAMES[V0_TYPES[kind]]), layer.line))
    inner: dict[str, list[Field]] = {}
    for field in layer.fields:
        if field.name in _OF_THE_LAYER:
            outer.append(field)
        elif field.name in _TRANSFORM:
            inner.setdefault("transform_param", []).append(_renamed(field))
        elif field.name != "type":
            # A setting that its type never had stays in sight, to be reported as unknown.
            inner.setdefault(_PARAM.get(kind, "unknown_param"), []).append(_renamed(field))
    params = [Field(name, Message(tuple(f), layer.line), layer.line) for name, f in inner.items()]
    return replace(connection, fields=(*outer, *params))


def _renamed(field: Field) -> Field:
    return replace(field, name=_RENAMED.get(field.name, field.name))
