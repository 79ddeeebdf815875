"""The layers that bring data into a net, which become the inputs of the graph.

Their shapes, batch included, come from the first of these that has one:

1. the user;
2. the prototxt: `input_param`, `dummy_data_param`, `memory_data_param`, or the crop of an
   ImageData layer, which says whether its images are in colour.

The other data layers learn their shapes from the data, so that the user has to state them.

What DummyData fills with one number, once, is a constant of the graph where the net has another
input; the user makes an input of it by stating its shape.

Source: BVLC/caffe input_layer.cpp, dummy_data_layer.cpp, memory_data_layer.cpp,
image_data_layer.cpp.
"""

from collections.abc import Mapping, Sequence
from math import prod

from cortado.caffe.graph import MAX_AXES, MAX_COUNT
from cortado.caffe.message import EMPTY, Message
from cortado.caffe.net import LayerSpec
from cortado.errors import CortadoError, UsageError

__all__ = ["DATA_TYPES", "constants", "input_shapes"]

DATA_TYPES = frozenset(
    {"Input", "Data", "ImageData", "WindowData", "MemoryData", "HDF5Data", "DummyData"}
    | {"AnnotatedData", "VideoData"}  # of the SSD fork
)

_Shape = tuple[int, ...]


def constants(
    layers: Sequence[LayerSpec], wanted: Mapping[str, _Shape]
) -> dict[str, tuple[_Shape, float]]:
    """Return the shape and value of each constant; the arguments are those of `input_shapes`."""
    found = {
        top: (layer, value)
        for layer in layers
        for top in layer.tops
        if (value := _constant(layer, top)) is not None and top not in wanted
    }
    if len(found) == sum(len(layer.tops) for layer in layers):
        return {}
    return {
        top: (_checked(layer, top, _declared(layer).get(top)), value)
        for top, (layer, value) in found.items()
    }


def _constant(layer: LayerSpec, top: str) -> float | None:
    """Return the number that DummyData fills a top with; None where there is no such number."""
    if layer.type != "DummyData":
        return None
    fillers = layer.message.message("dummy_data_param").messages("data_filler") or (EMPTY,)
    index = layer.message.texts("top").index(top) if len(fillers) > 1 else 0
    if index >= len(fillers):
        raise layer.refuse(f"it has {len(fillers)} of data_filler, none for its top {top!r}")
    is_constant = fillers[index].text("type", "constant") == "constant"
    return fillers[index].number("value", 0.0) if is_constant else None


def input_shapes(layers: Sequence[LayerSpec], wanted: Mapping[str, _Shape]) -> dict[str, _Shape]:
    """Return the shape of each input of the net.

    Parameters
    ----------
    layers : sequence of LayerSpec
        The data layers, with those tops only that the net reads.
    wanted : mapping of str to tuple of int
        The user's shapes; the key ``""`` stands for the only input.

    Raises
    ------
    UsageError
        If the user names a blob that is no input.
    CortadoError
        If nobody states an input's shape.
    """
    for layer in layers:
        if layer.bottoms:
            raise layer.refuse(f"it reads {layer.bottoms[0]!r}, but data layers have no bottoms")
    tops = [top for layer in layers for top in layer.tops]
    if not tops:
        raise CortadoError("the net has no input: no layer reads a data or Input layer")
    wanted = _named(wanted, tops)
    shapes = {}
    for layer in layers:
        declared = _declared(layer)
        for top in layer.tops:
            shapes[top] = wanted[top] if top in wanted else _checked(layer, top, declared.get(top))
    for top, shape in shapes.items():
        if prod(shape) > MAX_COUNT or len(shape) > MAX_AXES:
            raise CortadoError(f"the input {top!r} of shape {list(shape)} is too large for Caffe")
    return shapes


def _named(wanted: Mapping[str, _Shape], tops: Sequence[str]) -> dict[str, _Shape]:
    if "" in wanted and len(tops) != 1:
        raise UsageError(f"name the input that the shape is for: {', '.join(tops)}")
    named = {name or tops[0]: shape for name, shape in wanted.items()}
    for name, shape in named.items():
        if name not in tops:
            raise UsageError(f"the net has no input {name!r}; it has: {', '.join(tops)}")
        if not shape or min(shape) < 1:
            raise UsageError(f"the input {name!r} cannot have the shape {list(shape)}")
    return named


def _declared(layer: LayerSpec) -> dict[str, _Shape]:
    """Return the shapes that the prototxt states, by the tops that they are for."""
    # The tops that the net doesn't read are gone from `layer`, but not from its message.
    tops = layer.message.texts("top")
    shapes = _SHAPES.get(layer.type, _unknown)(layer.message)
    if layer.type in ("Input", "DummyData"):
        if len(shapes) not in (0, 1, len(tops)):
            raise layer.refuse(f"it has {len(shapes)} shapes for {len(tops)} tops")
        shapes = shapes * len(tops) if len(shapes) == 1 else shapes
    return dict(zip(tops, shapes, strict=False))


def _checked(layer: LayerSpec, top: str, shape: _Shape | None) -> _Shape:
    if shape is None:
        raise layer.refuse(
            f"the prototxt does not say the shape of its top {top!r}; "
            f"state it, such as --input-shape {top}=1,3,224,224"
        )
    if min(shape, default=1) < 1:
        raise layer.refuse(f"its top {top!r} cannot have the shape {list(shape)}")
    return shape


def _unknown(_: Message) -> list[_Shape]:
    return []


def _input(layer: Message) -> list[_Shape]:
    return [shape.integers("dim") for shape in layer.message("input_param").messages("shape")]


def _dummy(layer: Message) -> list[_Shape]:
    param = layer.message("dummy_data_param")
    sizes = [param.integers(name) for name in ("num", "channels", "height", "width")]
    legacy = [tuple(shape) for shape in zip(*sizes, strict=False)]
    return [shape.integers("dim") for shape in param.messages("shape")] or legacy


def _memory(layer: Message) -> list[_Shape]:
    param = layer.message("memory_data_param")
    sizes = ("batch_size", "channels", "height", "width")
    shape = tuple(param.integer(name, 0) for name in sizes)
    return [shape, shape[:1]]


def _image(layer: Message) -> list[_Shape]:
    param, crop = layer.message("image_data_param"), _crop(layer)
    channels = 3 if param.flag("is_color", default=True) else 1
    batch = param.integer("batch_size", 1)
    return [(batch, channels, crop, crop), (batch,)] if crop else []


def _crop(layer: Message) -> int:
    return layer.message("transform_param").integer("crop_size", 0, minimum=0)


_SHAPES = {"Input": _input, "DummyData": _dummy, "MemoryData": _memory, "ImageData": _image}
